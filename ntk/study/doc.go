// Package study runs experiments: trainings of nets, and other long work, whose results are kept as
// files, loaded when they are asked for again, and continued where they were interrupted.
//
// A [Study] is the folder of results of one notebook or program, at one of two scales: "paper" has
// the published settings, "quick" smaller ones that take seconds; [AtScale] chooses. A [Task] is a
// result to be made: its label, everything that determines it, and what makes it. [Make] loads the
// results that are there, makes those that are missing, with progress in a notebook or a terminal,
// and returns all of them in the order asked; interrupted, it goes on from the last checkpoint when
// it is called again. [Missing] is the list of what is not there yet.
//
// [Runs] are the tasks of a training experiment: which nets, which data, which settings, how
// often. They give traces, and the predictions for infinite width in the same form, and
// [Curves] draws both.
//
// # Tasks elsewhere
//
// KERNELSMITH_ENGINE says where [Make] has missing records made: here, if it is not set; on a Slurm
// cluster, if it is slurm; and print shows a command for each, for whatever runs commands.
//
// A key stands for a record and cannot rebuild what was written in a cell, so it is this program
// itself that is started again: a copy of it, with the same arguments and KERNELSMITH_TASK set to
// the key of a record. Started so, the program makes that record alone and ends, with status 0 if
// it is there, before it draws or computes anything after it; at SIGTERM it keeps a checkpoint. The
// copy lies in sweeps/ of the records' folder and goes when its records are there.
//
// On Slurm the missing records are submitted as an array of jobs, with a log each beside the
// program, and Make shows how many are there, run, wait and failed until none is under way. An
// interrupt ends the watching, not the jobs; the next call finds them in the queue and submits only
// what is missing. KERNELSMITH_SBATCH has options for sbatch, such as "--partition=cpu --time=60";
// --cpus-per-task is how many processors a job uses, 1 if it is not given, and --array=0-499%8
// means arrays of at most 500 jobs, 8 of which run at once. docs/cluster.md has a whole example.
package study
