package train

import (
	"fmt"
	"math"
)

// Optimizer is the rule by which a step follows from the gradient g: [Momentum] or [Adam]. A
// nil Optimizer is gradient descent, θ ← θ - η g.
type Optimizer interface {
	fmt.Stringer
	check() error
	slots() int // how many numbers it keeps for each parameter
}

// Momentum is the heavy ball, v ← μv + g, θ ← θ - ηv, which begins with v = 0. Where the
// gradient changes slowly it moves like gradient descent with the rate η/(1-μ).
//
// Source: Polyak 1964, "Some methods of speeding up the convergence of
// iteration methods".
type Momentum struct {
	Decay float64 // μ in [0, 1)
}

// String returns a name with all settings, which is part of identities of runs.
func (m Momentum) String() string { return fmt.Sprintf("momentum %v", m.Decay) }

func (m Momentum) slots() int { return 1 }

func (m Momentum) check() error {
	if !(m.Decay >= 0 && m.Decay < 1) {
		return fmt.Errorf("train: Momentum.Decay is %v; it must be at least 0 and below 1", m.Decay)
	}
	return nil
}

// Adam keeps running means of the gradient, m ← β₁m + (1-β₁)g, and of its square, v ← β₂v +
// (1-β₂)g², and step k = 1, 2, … is
//
//	θ ← θ - η m/(1-β₁^k) / (√(v/(1-β₂^k)) + ε).
//
// Source: Kingma, Ba 2015, "Adam", algorithm 1.
type Adam struct {
	Beta1   float64 // in [0, 1); 0 is 0.9
	Beta2   float64 // in [0, 1); 0 is 0.999
	Epsilon float64 // > 0; 0 is 1e-8
}

// Full returns the settings with the defaults for those that are 0.
func (a Adam) Full() Adam {
	if a.Beta1 == 0 {
		a.Beta1 = 0.9
	}
	if a.Beta2 == 0 {
		a.Beta2 = 0.999
	}
	if a.Epsilon == 0 {
		a.Epsilon = 1e-8
	}
	return a
}

// String returns a name with all settings, which is part of identities of runs.
func (a Adam) String() string {
	a = a.Full()
	return fmt.Sprintf("Adam β₁ = %v, β₂ = %v, ε = %v", a.Beta1, a.Beta2, a.Epsilon)
}

func (a Adam) slots() int { return 2 }

func (a Adam) check() error {
	if !(a.Beta1 >= 0 && a.Beta1 < 1 && a.Beta2 >= 0 && a.Beta2 < 1) {
		return fmt.Errorf(
			"train: Adam has β₁ = %v and β₂ = %v; they must be at least 0 and below 1",
			a.Beta1, a.Beta2)
	}
	if !(a.Epsilon >= 0) || math.IsInf(a.Epsilon, 0) {
		return fmt.Errorf(
			"train: Adam.Epsilon is %v; it must be a finite number > 0, or 0 for 1e-8",
			a.Epsilon)
	}
	return nil
}

// adamStep has the numbers of Adam at one step in single precision.
type adamStep struct{ beta1, beta2, epsilon, rate, root float32 }

func (a Adam) at(step int, rate float32) adamStep {
	a = a.Full()
	corrected, root := a.Rates(step, rate)
	return adamStep{
		float32(a.Beta1), float32(a.Beta2), float32(a.Epsilon), corrected, root,
	}
}

// Rates returns η/(1-β₁^k) and 1/√(1-β₂^k) of step k = 1, 2, …: for who takes steps elsewhere; see
// [Device].
func (a Adam) Rates(step int, rate float32) (corrected, root float32) {
	a = a.Full()
	k := float64(step)
	return float32(float64(rate) / -math.Expm1(k*math.Log(a.Beta1))),
		float32(1 / math.Sqrt(-math.Expm1(k*math.Log(a.Beta2))))
}

func (a adamStep) step(theta, g, m, v []float32, scale float32) {
	for j, gj := range g {
		m[j] = a.beta1*m[j] + (1-a.beta1)*gj
		v[j] = a.beta2*v[j] + (1-a.beta2)*gj*gj
		theta[j] -= scale * a.rate * m[j] / (float32(math.Sqrt(float64(v[j])))*a.root + a.epsilon)
	}
}
