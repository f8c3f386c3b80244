// Package fcn has fully connected nets of finite width: initialisation, outputs, gradients
// for training, and the kernels that a net has before and after it.
//
//	u^l = σ_w/√n_{l-1} · W h^{l-1} + σ_b · b,   h^l = φ(u^l)
//
// with all W and b drawn from N(0, 1) and trained; the architecture, with φ,
// σ_w and σ_b of each layer, is an [ntk.FCN]. Inputs and targets are matrices
// with a row for each point.
//
// # Training
//
// A [Model] is what package [train] makes and trains nets by: train.Run with it is a run from
// initialisation, and train.Train trains a net of [New].
//
// # Kernels of a net
//
// [Net.EmpiricalNTK] is the NTK of one output, [Net.EmpiricalNTKMean] that of all
// in the mean, [Net.EmpiricalNTKOutputs] that of all pairs of outputs, and
// [Net.EmpiricalNNGP] the kernel of the readout alone. [Net.Moved] says how far
// training took a net from its linearisation: by its kernels, its features, its
// parameters, and how its kernel lies to the targets.
//
// # Files
//
// [Net.Save] and [Net.WriteNPZ] write the parameters as NumPy's .npz, and [Load]
// reads them and checks them against the architecture.
//
// # Precision
//
// Parameters, activations and gradients are in single precision, with a relative rounding of
// 6e-8; see package train for what becomes of it in training. Empirical kernels have errors
// of the order of 1e-6 of their diagonal; [EmpiricalSettings] has double precision for
// checks.
//
// Matrix products use OpenBLAS where there is one (see [ntk.BLAS]). With the
// portable arithmetic, the same seed gives the same bytes on any number of
// threads.
package fcn
