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
// With KERNELSMITH_ENGINE=print, Make prints a command for each missing record instead of making
// it. Each is this program with KERNELSMITH_TASK set to the key of a record: started so, with the
// same arguments, the program makes that record alone and ends, with status 0 if it is there,
// before it draws or computes anything after it. Build the program first (go build): what "go run"
// makes is gone when it ends. A key stands for a record and cannot rebuild what was written in
// a cell, so it is the program itself that is started again.
package study
