// Package spectra has the eigenvalues of kernels on domains where they are known, the [Circle], the
// [Sphere] and the [Hypercube], on pairs of points of two domains ([Product]), and on data, of
// which they are those of the Gram matrix ([Gram]).
//
// An eigenvalue λ is one of the operator f ↦ E_x'[K(x, x') f(x')], x' uniform
// over the domain; on a domain of M points, of the M×M kernel matrix over M.
// With their multiplicities the eigenvalues sum to the mean of K(x, x), which is K(1) on these
// domains. What a net of infinite width learns from few points, it learns of the eigenfunctions
// with the largest. [Spectrum] has them, with an error for each.
package spectra
