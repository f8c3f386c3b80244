// Package fcn has fully connected nets of finite width in NTK
// parameterization: initialisation, forward pass, full-batch gradient descent
// and the empirical NTK, in single precision.
//
//	u^l = σ_w/√n_{l-1} · W h^{l-1} + σ_b · b,   h^l = φ(u^l)
//
// with all W and b drawn from N(0, 1) and trained; the architecture, with φ,
// σ_w and σ_b of each layer, is an [ntk.FCN]. Inputs and targets are matrices
// with a row for each point.
//
// The loss is the mean over points of the sum over outputs of squared errors,
// without ½, and a step is θ ← θ - η ∂loss/∂θ: at infinite width, residuals
// along an eigenvector of the n×n NTK Gram matrix shrink by 1 - 2ηλ/n.
//
// Matrix products use OpenBLAS where there is one (see [ntk.BLAS]). With the
// portable arithmetic, the same seed gives the same bytes on any number of
// threads.
package fcn
