// Command bench measures Kernelsmith beside the public tools that compute the same, in one run, on
// the same inputs and in turn, and writes the table of docs/side-by-side.md.
//
//	make bench-peers                           the whole table
//	make bench-peers BENCHFLAGS="-rows conv"   rows whose names have "conv" in them
//	make bench-peers BENCHFLAGS=-list          the names of all rows
//	make bench-gpu                             the table of docs/gpu.md: on a GPU, beside JAX
//
// Every side is a process of its own that stays alive: Kernelsmith's is this program again, those
// of the peers are the programs in bench/peers, each with the packages that a requirements file
// here pins, in .cache/bench. They need Python 3.11 or 3.12, which PYTHON names.
//
// # How a row is measured
//
// Inputs are drawn once from a seed and written as bare numbers, which both sides read. A side
// loads them, compiles what it compiles, runs once, and then waits for its turn. Repetitions go
// round the sides; each lasts at least 0.3 s, of several runs where one is shorter. Before each the
// conductor waits until other programs take less than 5 % of the machine; if they took more than
// 3 % during it, by the times of /proc/stat less those of its own processes, with what a
// hypervisor stole, the repetition is discarded and made again, at most five times. A row that
// stays disturbed says so.
//
// Of each side there is the median, and the least and the greatest as its spread; the peak of its
// process's memory; and numbers of its result at fixed places. A side whose numbers differ from
// Kernelsmith's by more than the row's tolerance is an error and not a time.
//
// The rows of a device are by package device and by JAX, each alone in a process that ends before
// the next begins, since neither gives the memory of a GPU back, and by the processor before them.
//
// Results are kept in the -out file after each row, and a later run goes on with the rows that
// are not there yet or had an error; -again measures all anew. -without PyTorch leaves a peer out.
package main
