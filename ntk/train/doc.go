// Package train trains nets of finite width, of any kind: what a run is, what is measured
// of it, and how it survives an interruption. The nets are in packages of their own, such
// as fcn.
//
// A [Run] is a training run from initialisation to [Trace]: a [Model], which makes the net,
// a [Problem] and [Settings]. [Run.Train] trains it, [Trials] trains several, and
// [Summarize] gives their mean and spread. [Train] trains a net that is there already, for
// those who look at it afterwards.
//
// # Conventions
//
// Inputs and targets are matrices with a row for each point. Unless [Settings] say
// otherwise, the loss is the mean over points of the sum over outputs of squared errors,
// without ½, the function trained is f - f₀, and a step is gradient descent on all points,
// θ ← θ - η ∂loss/∂θ: at infinite width, residuals along an eigenvector of the n×n NTK Gram
// matrix shrink by 1 - 2ηλ/n. So rates below n/λ_max are stable; [StableRate] finds the
// limit for any settings but Adam's, and [Settings.EpochTime] the time in gradient flow, by
// which runs of other conventions compare.
//
// # Records
//
// With [Settings.Checkpoints] a run that was interrupted or killed goes on from where it
// was; see [Run.Train]. [Run.Identity] is the key under which to keep its record.
// [Trace.WriteJSON] and [Trace.WriteCSV] write what was measured.
//
// # Nets of another kind
//
// A kind of net is a [Model], which makes a [Net] at initialisation, whose [Pass] computes
// outputs and gradients. Everything else is the same for all kinds. A net that is [Linear]
// too has a [StableRate]; a Model that is a [Stepper] takes the steps itself, several at a
// time and for several trials at once. A net that is [Layered] says which layers it has, from which
// a [Device] makes a program that takes the steps.
//
// # Precision
//
// Parameters and steps are in single precision, with a relative rounding of 6e-8. With a
// [Settings.OutputScale] of α the same change of the outputs takes a change of the
// parameters that is α times smaller; from about α = 1e3 on such steps are lost beside the
// parameters they are added to, and so is what f and f₀ differ by.
//
// With the portable arithmetic (see [ntk.BLAS]), the same seed gives the same bytes on any
// number of threads.
package train
