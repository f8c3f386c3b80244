// Package gram makes kernel matrices tile by tile: on one sphere from a table of the kernel
// over √(1 - |c|), off it pair by pair. It knows of a kernel what an [Evaluator] tells.
package gram
