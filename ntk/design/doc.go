// Package design finds activation functions whose nets have a given kernel, in forms
// that train well: a few ReLUs, cosines, Gaussians, erfs or GELUs, or a form of one's own.
//
//	r, err := design.Fit(ctx, design.Paper(), design.Problem{Target: kernel}, nil)
//	phi, err := r.Design.Activation()
//
// # Fitting
//
// [Fit] searches a [Family] for what a [Problem] asks: the NTK or NNGP kernel of a net of
// one hidden layer or several near a target, over angles, cosines, norms or the rows of a
// data set ([Domain]). Every expectation and its gradient is exact (numeric for a form of
// one's own), so nothing is sampled and a second is enough. Kernels are of nets with
// σ_w = 1, σ_b = 0 and a readout (1, 0).
//
// A kernel on the sphere says nothing of inputs of other norms: [Design.Check] tells which
// rows are outside what a design was fitted for.
//
// # Finite nets
//
// The NTK of a net of one hidden layer of width N is a random variable, with the design's
// kernel as its mean and a standard deviation of √(V/N), V = N Var Θ_N, that is known
// exactly; √V is [Design.Spread].
// [Problem.Width] makes the mean square distance of such a net from the target small,
// [Problem.SpreadAtMost] bounds the deviation, [Front] maps what one costs in terms of the
// other, [Design.WidthFor] tells how wide is wide enough, and [Compare] which design is best.
//
// # Taking designs along
//
// What is found is a [Formula]; the exact φ of [inverse.Of] is a polynomial
// ([HermiteSeries]). Both are saved as JSON ([Save], [Design.Save]) and exported as Go,
// NumPy, PyTorch, JAX or LaTeX source ([GoSource], [NumPy], [PyTorch], [JAX], [LaTeX]).
//
// Sources: [SAD22] is a key of package ntk.
//
// At a kink every rectifier has the derivative 0, here and in all that is
// exported: relu'(z-b) is 1 for z > b and relu'(b-z) is -1 for z < b.
package design
