// Package spectra has the eigenvalues of kernels on domains where they are
// known: for now the hypercube, by [Hypercube.Eigenvalues].
//
// An eigenvalue λ is one of the operator f ↦ E_x'[K(x, x') f(x')], x' uniform
// over the domain; on a domain of M points, of the M×M kernel matrix over M.
// With their multiplicities the eigenvalues sum to K(1). What a net of infinite
// width learns from few points, it learns of the eigenfunctions with the largest.
package spectra
