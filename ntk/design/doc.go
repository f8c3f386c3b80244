// Package design has activation functions that were designed for a kernel: as
// formulas of a few terms ([Formula]) or as polynomials ([HermiteSeries]), to be
// evaluated, used in nets and kernels, saved, and taken along as Go, NumPy,
// PyTorch, JAX or LaTeX source ([GoSource], [NumPy], [PyTorch], [JAX], [LaTeX]).
//
// At a kink every rectifier has the derivative 0, here and in all that is
// exported: relu'(z-b) is 1 for z > b and relu'(b-z) is -1 for z < b.
package design
