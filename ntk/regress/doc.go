// Package regress predicts what nets of infinite width learn, from their
// kernels' Gram matrices: [Descent] after any number of steps of gradient
// descent, [Ridge] with a ridge or after infinite time, and the posterior of the
// Gaussian process.
//
// Source: [JGH18], and Lee et al., "Wide Neural Networks of Any Depth Evolve
// as Linear Models Under Gradient Descent", NeurIPS 2019, arXiv 1902.06720.
package regress
