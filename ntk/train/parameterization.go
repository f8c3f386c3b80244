package train

import "fmt"

// Parameterization says in which parameters training descends. The net at initialisation is
// the same function in each.
type Parameterization int

const (
	// NTKParameterization has u = σ_w/√n · W h + σ_b b with W and b from N(0, 1), and
	// descends in W and b. One learning rate serves all widths.
	NTKParameterization Parameterization = iota
	// StandardParameterization has u = V h + c with V = σ_w/√n · W from
	// N(0, σ_w²/n) and c = σ_b b from N(0, σ_b²), and descends in V and c, with n
	// the units of the layer before. For gradient descent it is the NTK
	// parameterization with the rate ηn/σ_w² for the weights of a layer and
	// η/σ_b² for its biases; stable rates are smaller by a factor of the order of
	// the width. A layer needs σ_w > 0; one with σ_b = 0 has no biases.
	//
	// Source: Lee, Xiao et al. 2019, "Wide neural networks of any depth evolve as
	// linear models under gradient descent", sec. 2.1 and appendix F.
	StandardParameterization
)

// String returns the name of the parameterization, which is part of identities and traces.
func (p Parameterization) String() string {
	switch p {
	case NTKParameterization:
		return "NTK parameterization"
	case StandardParameterization:
		return "standard parameterization"
	}
	return fmt.Sprintf("parameterization %d", int(p))
}

// Scales returns the factors that turn the gradient by Scale·Values of an array of parameters into
// the gradient in the parameters of the parameterization, and a step in those into one in Values:
// for who takes steps elsewhere; see [Device].
func (p Parameterization) Scales(of Parameter) (gradient, step float32) {
	if p == NTKParameterization {
		return of.Scale, 1
	}
	return 1, 1 / of.Scale
}

// check reports parameters that the standard parameterization cannot train.
func (p Parameterization) check(parameters []Parameter) error {
	for _, of := range parameters {
		if p == StandardParameterization && of.Scale == 0 && !of.Frozen && len(of.Values) > 0 {
			return fmt.Errorf(
				"train: %s have σ = 0, which the standard parameterization cannot train; "+
					"freeze them or take the NTK parameterization", of.Name)
		}
	}
	return nil
}
