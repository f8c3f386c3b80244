// Package regress predicts what nets of infinite width learn, from their
// kernels' Gram matrices: [Descent] after any number of steps of gradient
// descent, [Ridge] with a ridge or after infinite time, and the posterior of the
// Gaussian process.
//
// Gram matrices come from [ntk.Kernel.Gram] and [ntk.Kernel.Cross]: n×n between the
// n training points and m×n between m test points and them. Targets are n×outputs.
// Everything is in double precision, and in every output by itself.
//
// Source: [JGH18], a key of package ntk, and Lee et al., "Wide Neural Networks of
// Any Depth Evolve as Linear Models Under Gradient Descent", NeurIPS 2019, arXiv
// 1902.06720.
package regress
