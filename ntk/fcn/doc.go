// Package fcn has fully connected nets of finite width: initialisation, forward
// pass, training, and the kernels that a net has before and after it.
//
//	u^l = σ_w/√n_{l-1} · W h^{l-1} + σ_b · b,   h^l = φ(u^l)
//
// with all W and b drawn from N(0, 1) and trained; the architecture, with φ,
// σ_w and σ_b of each layer, is an [ntk.FCN]. Inputs and targets are matrices
// with a row for each point.
//
// # Training
//
// A [Run] is a training run from initialisation to [Trace]; [Run.Train] trains
// it, [Trials] trains several, and [Summarize] gives their mean and spread.
// [New] and [Net.Train] are the same in two steps, for those who need the net.
//
// Unless [Settings] say otherwise, the loss is the mean over points of the sum
// over outputs of squared errors, without ½, the function trained is f - f₀,
// and a step is gradient descent on all points, θ ← θ - η ∂loss/∂θ: at infinite
// width, residuals along an eigenvector of the n×n NTK Gram matrix shrink by
// 1 - 2ηλ/n. So rates below n/λ_max are stable; [Net.StableRate] finds the limit
// for any settings but Adam's, and [Settings.EpochTime] the time in gradient flow, by which
// runs of other conventions compare.
//
// With [Settings.Checkpoints] a run that was interrupted or killed goes on from
// where it was; see [Run.Train]. [Run.Identity] is the key under which to keep
// its record. [Trace.WriteJSON] and [Trace.WriteCSV] write what was measured.
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
// [Net.Save] and [Net.WriteNPZ] write the parameters as NumPy's .npz, [Load] and
// [ReadNPZ] read them and check them against the architecture.
//
// # Precision
//
// Parameters, activations and steps are in single precision, with a relative
// rounding of 6e-8. With a [Settings.OutputScale] of α
// the same change of the outputs takes a change of the parameters that is α times
// smaller; from about α = 1e3 on such steps are lost beside the parameters they are
// added to, and so is what f and f₀ differ by. Empirical kernels have errors of the order of
// 1e-6 of their diagonal; [EmpiricalSettings] has double precision for checks.
//
// Matrix products use OpenBLAS where there is one (see [ntk.BLAS]). With the
// portable arithmetic, the same seed gives the same bytes on any number of
// threads.
package fcn
