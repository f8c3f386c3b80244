// Package cnn has convolutional nets and their kernels in the limit of many channels.
//
// An [Architecture] is images, layers ([Conv], [AveragePool]) and a [Readout]. [Patches] before
// them take patches of images, which can be centred, whitened and brought to one norm. One value
// gives the NNGP and the NTK of the net, as [ntk.FCN] does for fully connected nets; what the
// kernels are of is sets of images, [ntk.Inputs] with an image in each row. [GramInto] and
// [CrossInto] set whole matrices, [GramTiles] and [CrossTiles] are matrices tile by tile, which is
// what package regress takes.
//
// # Conventions
//
// NTK parameterization, as in package ntk; all weights and biases are standard normal and trained
// if they are not frozen. In terms of the covariances S(x, p; x', p') of pre-activations at
// position p of image x and p' of x', and of the tangents T, with C channels of the images,
//
//	input    S = 1/C Σ_c x[p, c] x'[p', c],   T = 0
//	Conv     S ← σ_w²/(kh·kw) Σ_w S(p+w, p'+w) + σ_b²,   T ← S + σ_w²/(kh·kw) Σ_w T(p+w, p'+w)
//	  and    S ← E[φ(u)φ(v)],   T ← T E[φ'(u)φ'(v)]
//	pool     S ← 1/(kh·kw)² Σ_{w,w'} S(p+w, p'+w'),   T alike
//	flatten  S ← 1/(H·W) Σ_p S(p, p);  global average: 1/(H·W)² Σ_{p,p'} S(p, p');  T alike
//	dense    S ← σ_w² S + σ_b²,   T ← S + σ_w² T
//
// where p+w is stride·p + w if there is a stride. In a frozen layer the S + of T is left out. S
// and T count as 0 beyond the edge of an image with [Same] padding.
//
// # Cost
//
// Without pooling, pairs of positions of one displacement have to do with each other alone, so
// each displacement is an image that is followed through the layers by itself: a convolution adds
// shifted copies of it, and φ acts at each place. A flattened readout needs displacement 0 alone,
// H·W pairs of positions; a global average, or a pool, all (H·W)². Pairs of images are followed
// eight at a time. Times of a pair of 32×32×3 images, NNGP and NTK in single precision, on one
// processor with vectors: 0.006 ms for four layers with ReLU and flatten, 6 ms with a global
// average, and 4 ms for four layers with three pools; with AVX-512 the last two are 3.2 and 2.8 ms.
//
// Memory of each processor, for eight pairs of images: the numbers of a displacement, and after the
// first pool of all pairs of the positions that there are then, twice, 4 MB for 16×16 positions in
// single precision. More than 2 GB of it are an error. An image is kept with its pixels and the
// variances of its pre-activations, one number for each position of each convolution; after
// [Patches] its pixels are the entries of all its patches, 0.4 MB for the 6×6 patches of a 32×32×3
// image in single precision, 0.3 MB without those at the edge. Hermite
// coefficients are kept for a part of a tile at a time, in 64 MB or those of 16 images.
//
// [ntk.ReLU], [ntk.TwoSlope] and, in single precision, [ntk.Erf] are the quickest. Others that are
// smooth are followed by their Hermite coefficients at the variance of each position, in double
// precision where their own duals are numeric: some tens of them at usual variances, and ten times
// the time of ReLU for a hundred. Any activation is tabulated over the correlation where all
// pre-activations of a layer have one variance, as with normalised pixels and no zeros at the edge:
// 20 ns a pair of positions. What remains costs what its Dual method does: 20 ns to 1 µs for closed
// forms, and 0.2 ms for those that are numeric, with a kink or at large variances, which only
// flattened readouts of small images bear. See [Tiles.Estimate].
//
// # Random features
//
// [Features] are what the readout of a net of one convolution and finitely many filters sees.
// Kernel regression with their kernel trains the readout alone, and reaches as many images as n²
// numbers go into memory: filters are taken in blocks, and n×(N·S) features are never there at
// once. [FeatureTiles] are also the matrix of features itself, for the normal equations
// (regress.FitFeatures) where images are more than features.
//
// # The way back
//
// The kernel of one convolution with pooling, on patches of one norm, is a mean of a curve κ over
// the cosines between patches; a second convolution mixes cosines, and ends that. So for a
// [OneLayer] theorem 1 of the paper holds for κ: what package inverse makes of a curve that is
// wanted, its certificate, φ and designs that train well, is that of the image kernel, NNGP or NTK,
// and [OneLayer.Architecture] is the net. [PooledGramTiles] and [PooledCrossTiles] have the kernel
// of any κ for regression, at one and a half to three times the price of the products of patches:
// 0.2 to 0.5 ms on two processors for a pair of 32×32×3 images with all 6×6 patches and four
// windows, in single precision. [PooledPowersInto] has it for all powers c^k at once, of which
// regress.FitSum makes the κ that is best for training images, and [Nearest] the κ that is nearest
// to any kernel matrix, such as a deeper net's. Patches of any norm have no curve, and are an error
// there; an Architecture with one convolution has the kernels for them, Σ b_k(s) b_k(s') ρ^k at
// standard deviations s and s'. A design that is fitted over a range of norms (design.Norms) has,
// as that convolution's activation, the mean over windows of the kernel that was asked for.
//
// # Nets of finite width
//
// A [Model] is what package [train] makes and trains nets by: train.Run with it is a run from
// initialisation, and train.Train trains a [Net] of [New]. [Net.EmpiricalNTK],
// [Net.EmpiricalNTKMean] and [Net.EmpiricalNNGP] are the kernels that a net has before and after
// training. [Net.Save] and [Load] keep it in NumPy's .npz, [Net.PyTorch] and [Net.JAX] write its
// source for those.
//
// Parameters, activations and gradients are in single precision, with a relative rounding of 6e-8;
// empirical kernels have errors of the order of 1e-6 of their diagonal. With the portable
// arithmetic (see [ntk.BLAS]) the same seed gives the same bytes on any number of threads.
//
// A convolution is a matrix product of its weights with windows that are laid out some at a time,
// in 4 MB; with 256 channels and 32×32 positions all else takes a fifth of the time of a step. A
// pass keeps what the layers make of a tile of images, at most 256 MB, and computes it anew where
// a batch has several tiles: see [Net.NewPass]. With 256 channels after each of two convolutions
// of 32×32×3 images that is some 40 images.
//
// # Accuracy
//
// In double precision the kernels are good to 1e-12 of √(K(x, x) K(x', x')), in single to 1e-6,
// for images that are equal, opposite, constant or black, too. An NTK of an activation with a kink
// goes like the root of how far patches are apart: for images that are nearly equal, and apart by
// a part d of their size, it is good to some 1e-16/d in double precision. Single precision would
// leave 1e-7/d, so pairs with d < 0.1 are followed in double precision there, at the price of a
// hundred others, and are good to 2e-6.
//
// Source: Novak et al., "Bayesian deep convolutional networks with many channels are Gaussian
// processes", ICLR 2019, arXiv 1810.05148; Arora et al., "On exact computation with an infinitely
// wide neural net", NeurIPS 2019, arXiv 1904.11955.
package cnn
