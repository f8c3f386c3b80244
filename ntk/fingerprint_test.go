package ntk

import (
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

// Keys of records hold what an activation wrote into its net's fingerprint when they
// were made: these are the fingerprints of the first version. A type that is renamed
// keeps its line.
func TestFingerprintsOfEarlierRecords(t *testing.T) {
	want := strings.Fields(`
		0749f1c5fc3d47e2ba8a070e21ab8834 37d5bcb85e9132bdd070766d8fbbbb2d
		db62113099fef8da882a69219324e9af 14e5b049fc4eec9bddc2dc7c194c1ec6
		16aad4e2e66014f9d620234408448fe0 1022cda1706060ab50422db9a69c188e
		e9dfe0363d80d3458c9ce997fb02c80e 57456f3bd2c39d013b32a915e9787236
		05061dfb311be2abfa8693efd6f7ac5a 93e5fd186cd3553ac4ca32f833fdcf22
		25b24f5f2e1e1744fcd843cbec2be530 fd739e05799319041aaa15aec8584db9
		fb9515ed63422ad49ad6430d54503378 bf4e57f6d65ebdb119ea747e74d6ff73
		f5f53cafe8d3baf265c15cddb38aec4e 265ff204819b428d6a0536c52a260312
		db19abb0523dff46d566625592138030 eed663f7e2ebe8e52552fd1e2fc47bea
		504cd403fe7f788d4ccfd3ed23d7d90e eaf1ac5303cd1f3f3e7fd0c7fb73054e
		757bc8f63c9fb4d1ce2ddb8fbd89ed5a d3a2b62b296522e3e541541446d25d95
		5eb6f7b8871e17450bcc5f26810e16e1 bf6cfe57a20f7b66b77be47d2e30afee`)
	for i, phi := range []Activation{
		ReLU{}, Erf{}, Sin{0.1, 2, 0.3}, Cos{1, 2, 3}, PublishedMimic(), SigmoidErf{}, GELU{},
		Gabor{},
		Step{}, Sign{}, TwoSlope{1, 0.1}, Exp{1, 0.3}, Gaussian{1, 1. / 3},
		Polynomial{[]float64{1, 0, 1. / 3}}, RectifiedMonomial{2}, Tanh{}, Sigmoid{}, Softplus{},
		SiLU{},
		Must(hermite.NewSeries([]float64{0, 1, 1. / 3})),
		Must(Must(hermite.NewSeries([]float64{0, 1})).WithScale(1. / 3)),
		Must(Add(ReLU{}, Must(Affine(Tanh{}, 2, 1./3, 0, 1)))), LeakyReLU(0.2), GaussianFeature(2),
	} {
		if got := Must(UniformFCN(1, phi, 1, 0)).Fingerprint(); got != want[i] {
			t.Errorf("%v: fingerprint %s, was %s", phi, got, want[i])
		}
	}
}

// sampled is an activation of a caller's own, with other last bits on another machine.
type sampled struct{ value, derivative, dual func(z float64) float64 }

func (s sampled) Value(z float64) float64      { return s.value(z) }
func (s sampled) Derivative(z float64) float64 { return s.derivative(z) }
func (s sampled) Dual(q, k, q2 float64) (value, derivative float64) {
	return s.dual(k), s.dual(k / 2)
}

// What two machines compute of one function, in other ways: numbers that are 0 but for
// rounding are no difference, and small ones that are not are one.
func TestFingerprintOfLastBits(t *testing.T) {
	sum := func(phi Activation) string {
		h := fnv.New64a()
		samples(h, phi)
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	cos := func(z float64) float64 { return math.Cos(math.Pi / 2 * z) }
	shifted := func(z float64) float64 { return math.Sin(math.Pi / 2 * (z + 1)) }
	steep := func(z float64) float64 { return math.Exp(3 * z) }
	halves := func(z float64) float64 { return math.Exp(1.5*z) * math.Exp(1.5*z) }
	unit := func(z float64) float64 { return math.Tanh(9 * z) }
	less := func(z float64) float64 { return math.Tanh(9*z) * (1 - 0x1p-53) }
	plus := func(f func(float64) float64, by float64) func(float64) float64 {
		return func(z float64) float64 { return f(z) + by*math.Sin(z) }
	}
	for name, pair := range map[string][2]func(float64) float64{
		"cosine": {cos, shifted}, "exp": {steep, halves}, "tanh": {unit, less},
		"tiny": {func(z float64) float64 { return 1e-250 * cos(z) },
			func(z float64) float64 { return 1e-250 * shifted(z) }},
		"zero": {func(float64) float64 { return 0 },
			func(float64) float64 { return math.Copysign(0, -1) }},
	} {
		f, g := pair[0], pair[1]
		if sum(sampled{f, g, f}) != sum(sampled{g, f, g}) {
			t.Errorf("%s: last bits show", name)
		}
		if name == "tiny" {
			continue
		}
		h := plus(f, 1e-6)
		for i, other := range []sampled{{h, f, f}, {f, h, f}, {f, f, h}} {
			if sum(other) == sum(sampled{f, f, f}) {
				t.Errorf("%s: a change of 1e-6 in function %d does not show", name, i)
			}
		}
	}
}
