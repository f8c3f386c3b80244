package train

import "context"

// Model is a net before it is made: everything that determines it at initialisation.
// A Model that is also a [Stepper] takes the steps of training itself.
type Model interface {
	// New makes the net at initialisation. Each call makes another net, with the same
	// parameters to the bit.
	New() (Net, error)
	// Describe says what the net is. It does so too for sizes of which New makes no net.
	Describe() Description
}

// Description says what a net is: for records, and for what training has to know of a
// net before it is made.
type Description struct {
	Net          string // the architecture, for readers: "4HL ReLU"
	Architecture string // its fingerprint
	// Config has the sizes and the seed, and all else beside the architecture that
	// determines the parameters. It enters identities of runs as JSON.
	Config  any
	Inputs  int    // numbers that an input has
	Width   int    // units, or channels, of a hidden layer
	Outputs int    // numbers that an output has
	Params  int    // trained parameters
	Seed    uint64 // of the parameters; the order of the points in batches follows from it
	// Product is the number of multiplications for one point in the largest matrix
	// product of a forward pass beyond the first layer's: Trials decides by it how runs
	// share the processors.
	Product float64
}

// Net is a net that can be trained. Training changes the Values of its Parameters, and
// asks passes for outputs and gradients.
type Net interface {
	// Model returns what the net was made by.
	Model() Model
	// Parameters returns all arrays of parameters, always the same ones in the same
	// order. Arrays may be empty.
	Parameters() []Parameter
	// NewPass makes the buffers of passes over up to so many points. One that is serial
	// stays on the goroutine that calls it.
	NewPass(points int, serial bool) Pass
}

// Parameter is an array of parameters: a matrix of weights, or biases.
type Parameter struct {
	Name   string // for errors: "the weights of layer 1"
	Values []float32
	// Scale is the factor that the net multiplies the values by: σ_w/√n for weights in
	// the NTK parameterization, σ_b for biases. In the standard parameterization
	// Scale·Values are the parameters.
	Scale  float32
	Frozen bool // not trained
}

// Pass computes outputs and gradients at some points with the parameters as they are.
// Nothing is allocated after the first time.
type Pass interface {
	// Inputs sets the number of points, at most what the pass was made for, and returns
	// the points×inputs entries to write them to. Forward does not change them.
	Inputs(points int) []float32
	// Forward computes the outputs. It returns the context's error, between two layers,
	// when the context is done.
	Forward(ctx context.Context) error
	// Outputs returns the points×outputs entries that Forward computed. They are
	// overwritten by the next one.
	Outputs() []float32
	// Backward prepares the gradients of Σ residual·output over points and outputs,
	// after Forward, which it may be called after once. It changes no parameter. The
	// residual (points×outputs) is used until the last call of Gradient.
	Backward(ctx context.Context, residual []float32) error
	// Gradient sets into to beta·into + alpha·g, with g the gradient by the i-th
	// parameter times its Scale, after Backward. For beta = 0 into may hold anything.
	Gradient(i int, alpha, beta float32, into []float32)
}

// Linear is a Net that also has derivatives along a direction, which [StableRate] needs.
type Linear interface {
	Net
	NewTangentPass(points int) TangentPass
}

// TangentPass is a Pass with derivatives along a direction in the parameters. Its
// Backward may be called after one Forward again and again.
type TangentPass interface {
	Pass
	// Tangent returns the derivative of the outputs (points×outputs) when each array of
	// parameters moves along direction(i), nil for an array that does not move. Each
	// direction is used before the next one is asked for. The result is overwritten by
	// the next call.
	Tangent(ctx context.Context, direction func(i int) []float32) ([]float32, error)
}

// Stepper is a Model whose nets are trained in a place of their own: on an accelerator,
// say. For other models training takes its steps one by one with passes of the nets.
type Stepper interface {
	Model
	// NewSteps returns what takes the steps of the trials, whose models are all
	// Steppers and whose parameters and Slots are set, or nil if it cannot train these.
	NewSteps(trials []*Trial) (Steps, error)
}

// Device is a place of its own in which steps are taken, an accelerator, for nets whose models know
// nothing of it; package device has one. Two of them are compared with ==.
type Device interface {
	// String names the place, for Trace.Arithmetic.
	String() string
	// NewSteps returns what takes the steps of the trials, whose parameters and Slots are set, or
	// nil and the reason why it cannot train these. If Steps is an io.Closer, it is closed when it
	// is needed no longer.
	NewSteps(trials []*Trial) (steps Steps, reason string, err error)
}

// Steps takes the steps of a set of trials, and computes their outputs. Trials that
// have ended stay in the set; what is computed for them is not looked at.
type Steps interface {
	// Advance takes k steps in each trial from its Position on, and sets its Losses to
	// the training loss before each step, on the points of the step (see Trial.Batch).
	// A trial with a loss that is not finite takes no further step, and this loss is
	// the last of its Losses. With an error, which is the context's or the one of a
	// fault, each trial is where its Losses end.
	Advance(ctx context.Context, k int) error
	// Outputs returns the outputs of the i-th trial as they are, neither centred nor
	// scaled, on its training points or its test points. They are overwritten later.
	Outputs(ctx context.Context, i int, test bool) ([]float32, error)
	// Sync brings the parameters and Slots of the i-th trial up to date.
	Sync(i int) error
}
