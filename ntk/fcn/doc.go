// Package fcn has fully connected nets of finite width: initialisation, forward
// pass, training and the empirical NTK, in single precision.
//
//	u^l = σ_w/√n_{l-1} · W h^{l-1} + σ_b · b,   h^l = φ(u^l)
//
// with all W and b drawn from N(0, 1) and trained; the architecture, with φ,
// σ_w and σ_b of each layer, is an [ntk.FCN]. Inputs and targets are matrices
// with a row for each point.
//
// Unless [Settings] say otherwise, the loss is the mean over points of the sum
// over outputs of squared errors, without ½, and a step is gradient descent on
// all points, θ ← θ - η ∂loss/∂θ: at infinite width, residuals along an
// eigenvector of the n×n NTK Gram matrix shrink by 1 - 2ηλ/n. So rates below
// n/λ_max are stable; [Net.StableRate] finds the limit for any settings, and
// [Settings.EpochTime] the time in gradient flow, by which runs of other
// conventions compare.
//
// Runs can be kept in checkpoints and go on after an interruption or a kill:
// see [Run.Train].
//
// Matrix products use OpenBLAS where there is one (see [ntk.BLAS]). With the
// portable arithmetic, the same seed gives the same bytes on any number of
// threads.
package fcn
