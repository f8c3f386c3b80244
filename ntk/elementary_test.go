package ntk_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// numbers are the elementary functions of numbers.
type numbers struct{}

func of(a ntk.Expression) float64 { return a.(float64) }

func (numbers) Constant(v float64) ntk.Expression           { return v }
func (numbers) Add(a, b ntk.Expression) ntk.Expression      { return of(a) + of(b) }
func (numbers) Subtract(a, b ntk.Expression) ntk.Expression { return of(a) - of(b) }
func (numbers) Multiply(a, b ntk.Expression) ntk.Expression { return of(a) * of(b) }
func (numbers) Divide(a, b ntk.Expression) ntk.Expression   { return of(a) / of(b) }
func (numbers) Maximum(a, b ntk.Expression) ntk.Expression  { return math.Max(of(a), of(b)) }
func (numbers) Exp(a ntk.Expression) ntk.Expression         { return math.Exp(of(a)) }
func (numbers) Log1p(a ntk.Expression) ntk.Expression       { return math.Log1p(of(a)) }
func (numbers) Tanh(a ntk.Expression) ntk.Expression        { return math.Tanh(of(a)) }
func (numbers) Erf(a ntk.Expression) ntk.Expression         { return math.Erf(of(a)) }
func (numbers) Double(a ntk.Expression) ntk.Expression      { return a }

func (numbers) IfPositive(a, yes, no ntk.Expression) ntk.Expression {
	if of(a) > 0 {
		return yes
	}
	return no
}

func (numbers) Sincos(a ntk.Expression, frequency, phase float64) (sin, cos ntk.Expression) {
	s, c := math.Sincos(frequency*of(a) + phase)
	return s, c
}

// cube is an activation of a user's that is Elementary.
type cube struct{}

func (cube) Value(z float64) float64      { return z * z * z }
func (cube) Derivative(z float64) float64 { return 3 * z * z }

func (cube) Elementary(f ntk.Functions, z ntk.Expression) (value, derivative ntk.Expression) {
	square := f.Multiply(z, z)
	return f.Multiply(square, z), f.Multiply(f.Constant(3), square)
}

// Each activation as it is written in elementary functions, against its values and slopes.
func TestElementary(t *testing.T) {
	series := ntk.Must(ntk.Must(
		hermite.NewSeries([]float64{0.1, 0.8, 0.3, -0.2, 0.1, 0, 0.05})).WithScale(1.3))
	shifted := ntk.Must(ntk.Affine(ntk.GELU{}, -0.7, 1.4, 0.3, 0.2))
	for _, phi := range []ntk.Activation{
		ntk.ReLU{}, ntk.LeakyReLU(0.2), ntk.Abs(), ntk.TwoSlope{Positive: -2, Negative: 3},
		ntk.RectifiedMonomial{Degree: 1}, ntk.RectifiedMonomial{Degree: 4}, ntk.PublishedMimic(),
		ntk.Polynomial{Coeffs: []float64{0.1, 1, -0.2, 0.05}}, ntk.Polynomial{Coeffs: []float64{2}},
		ntk.Sin{Amplitude: 1.1, Frequency: 3, Phase: 0.4},
		ntk.Cos{Amplitude: 1, Frequency: 2, Phase: -1},
		ntk.Erf{}, ntk.SigmoidErf{}, ntk.GELU{}, ntk.Exp{Amplitude: 0.5, Rate: 0.4},
		ntk.Gaussian{Amplitude: 2, Rate: 0.5}, ntk.Gabor{}, ntk.Tanh{}, ntk.Sigmoid{},
		ntk.Softplus{}, ntk.SiLU{}, series, shifted, cube{},
		ntk.Must(ntk.Add(ntk.Tanh{}, ntk.ReLU{}, shifted, cube{})),
	} {
		for z := -6.; z <= 6; z += 0.11 {
			value, derivative, ok := ntk.WriteElementary(phi, numbers{}, z)
			if !ok {
				t.Errorf("%v is not elementary", phi)
				break
			}
			v, d := phi.Value(z), phi.Derivative(z)
			if math.Abs(of(value)-v) > 1e-12*(1+math.Abs(v)) ||
				math.Abs(of(derivative)-d) > 1e-12*(1+math.Abs(d)) {
				t.Errorf("%v at %v: %v and %v, want %v and %v", phi, z, value, derivative, v, d)
				break
			}
		}
	}
	own := ntk.Must(ntk.Custom(math.Atan, nil))
	for _, phi := range []ntk.Activation{
		ntk.Step{}, ntk.Sign{}, own, ntk.Must(ntk.Add(ntk.ReLU{}, own)),
	} {
		if _, _, ok := ntk.WriteElementary(phi, numbers{}, 1.); ok {
			t.Errorf("%v is elementary", phi)
		}
	}
}
