// Package ntk goes from nets to kernels: activations, architectures, the kernels of wide nets,
// their algebra, power series and matrices. The way back, from a kernel to a net that has it,
// is package inverse.
//
// A net of infinite width acts as a kernel method: with its neural tangent kernel (NTK) if
// all of it is trained, with its NNGP kernel if only the readout is. [FCN] describes such a
// net and gives both as a [Kernel], which is a curve K(c) over the cosine for inputs of one
// norm.
//
// # Overview
//
//   - activations: [ReLU], [TwoSlope], [Erf], [GELU], [Sin], [Exp], [Gaussian],
//     [Gabor], [Polynomial], [RectifiedMonomial], [Step], [Tanh] …; sums and affine
//     changes by [Add] and [Affine]; any Go function by [Custom]
//   - nets: [NewFCN], [UniformFCN], [FCN.NTK], [FCN.NNGP], [FCN.NNGPOf]
//   - kernels: [GaussianKernel], [MaternKernel] …, [FromFunc], [Kernel.Add],
//     [Kernel.Mul], [Kernel.Compose], [Kernel.Series], [Kernel.Derivative]
//   - matrices: [Kernel.Gram], [GramInto], [GramBothInto], [CrossInto]
//   - depth: [MeanFieldOf], [CriticalWeightStd]
//
// # Conventions
//
// Inputs x in R^d enter through normalised inner products: q = ‖x‖²/d,
// k = x·x'/d, q' = ‖x'‖²/d. "On the sphere" means q = q' = 1, where k is the
// cosine c. Nets are in NTK parameterization,
//
//	u^l = σ_w/√n_{l-1} · W h^{l-1} + σ_b · b,   h^l = φ(u^l),
//
// with all entries of W and b standard normal and trained. The readout has its
// own σ_w = 1 and σ_b = 0 unless said otherwise. A "4HL" net has four hidden
// layers and that readout.
//
// The loss is the mean over points of the sum over outputs of squared errors,
// without a factor ½ ([MSE]).
//
// # Errors
//
// Errors that a caller may want to branch on have types: [*NotPSDError] of series,
// [*InfiniteNTKError], [*VarianceError] and [*NoFixedPointError] of nets,
// [*DomainError] and [*NonFiniteError] of kernels and matrices, and
// [*hermite.ToleranceError] of quadrature.
//
// # Sources
//
//	[SAD22]  Simon, Anand, DeWeese, "Reverse Engineering the Neural Tangent
//	         Kernel", ICML 2022, arXiv 2106.03186
//	[JGH18]  Jacot, Gabriel, Hongler, "Neural Tangent Kernel", NeurIPS 2018,
//	         arXiv 1806.07572
//	[CS09]   Cho, Saul, "Kernel Methods for Deep Learning", NIPS 2009
//	[W96]    Williams, "Computing with Infinite Networks", NIPS 1996
//	[DFS16]  Daniely, Frostig, Singer, "Toward Deeper Understanding of Neural
//	         Networks", NIPS 2016, arXiv 1602.05897
//	[S42]    Schoenberg, "Positive definite functions on spheres", Duke Math. J.
//	         9 (1942)
//	[M22]    Murray, Jin, Bowman, Montufar, "Characterizing the spectrum of the
//	         NTK via a power series expansion", ICLR 2023, arXiv 2211.07844
//	[P16]    Poole, Lahiri, Raghu, Sohl-Dickstein, Ganguli, "Exponential
//	         expressivity in deep neural networks through transient chaos",
//	         NIPS 2016, arXiv 1606.05340
//	[RW06]   Rasmussen, Williams, "Gaussian Processes for Machine Learning", MIT
//	         Press 2006
//	[S17]    Schoenholz, Gilmer, Ganguli, Sohl-Dickstein, "Deep information
//	         propagation", ICLR 2017, arXiv 1611.01232
//	[R61]    Rosenbaum, "Moments of a truncated bivariate normal distribution",
//	         J. R. Stat. Soc. B 23 (1961)
package ntk

// Must returns v, or panics if err is not nil. It is for notebooks, examples
// and other short programs, where an error should end the run and show where.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
