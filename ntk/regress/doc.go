// Package regress predicts what nets of infinite width learn, from their
// kernels' Gram matrices: [Descent] after any number of steps of gradient
// descent, [Ridge] with a ridge or after infinite time, and the posterior of the
// Gaussian process.
//
// Gram matrices come from [ntk.Kernel.Gram] and [ntk.Kernel.Cross], or tile by tile from
// [ntk.GramTiles] and [ntk.CrossTiles]: n×n between the n training points and m×n between m test
// points and them. Targets are n×outputs. Every output is by itself. What takes n points, by
// number and memory:
//
//   - [NewRidge] keeps a factor in double precision, 4n² bytes: variances, likelihood and
//     leave-one-out too.
//   - [Solve] gives the same weights of as many as 60,000 points in 8 GB, and of more in more
//     time, to a residual that it states.
//   - [FitLandmarks] and [FitFeatures] are for any number of points and not kernel regression:
//     the first restricts the function to what some points span, the second the kernel to random
//     features of it.
//
// [Diagnose] tells before how many digits a solution loses, and what it takes.
//
// [NewEnsemble] has nets at any time of their training, with their covariance. [RidgePath] and
// [Likelihood] choose ridges and parameters of kernels, [FitSeries] the kernel itself, and [FitSum]
// the shares of several.
// [Confusion], [Margins] and [ClassProbabilities] are for targets that are classes.
//
// Source: [JGH18], a key of package ntk, and Lee et al., "Wide Neural Networks of
// Any Depth Evolve as Linear Models Under Gradient Descent", NeurIPS 2019, arXiv
// 1902.06720.
package regress
