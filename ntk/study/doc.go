// Package study is the verb of experiments: these runs, please.
//
// A [Study] is what a notebook keeps of finished runs, at one scale. A [Task] is a record to be
// made: its label, everything that determines its result, and what makes it. [Make] loads the
// records that are there, makes those that are missing, with progress, and returns all of them
// in the order asked; interrupted, it goes on from the last checkpoint when it is called again.
// [Missing] is the list of what is not there yet.
//
// [Runs] are the tasks of a training experiment: which nets, which data, which settings, how
// often. They give traces, and the predictions for infinite width in the same form, and
// [Curves] draws both.
//
// # Tasks elsewhere
//
// With KERNELSMITH_ENGINE=print, Make prints a command for each missing record instead of making
// it. Each is this program with KERNELSMITH_TASK set to the key of a record: started so, the
// program makes that record alone and ends, with status 0 if it is there, before it draws or
// computes anything after it. A key stands for a record and cannot rebuild what was written in
// a cell, so it is the program itself that is started again.
package study
