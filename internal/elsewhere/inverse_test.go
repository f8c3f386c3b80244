package elsewhere

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
)

// ofHermite are polynomials, coefficients and expectations.
func ofHermite() []result {
	polynomials := make([]float64, 41)
	hermite.Polynomials(polynomials, 1.7)
	series := ntk.Must(ntk.Must(hermite.NewSeries([]float64{0.3, -1, 0.5, 0, 0.25})).WithScale(1.3))
	var values []float64
	for _, z := range []float64{-3, -0.4, 0, 1.1, 2.6} {
		values = append(values, series.Value(z), series.Derivative(z))
	}
	for _, p := range offSphere {
		value, derivative := series.Dual(p[0], p[1], p[2])
		values = append(values, value, derivative)
	}
	f := ntk.Must(hermite.Resolve(func(z float64) float64 { return math.Abs(math.Tanh(2*z - 1)) },
		nil, &hermite.ResolveSettings{Kinks: []float64{0.5}}))
	b, bound, err := f.Coeffs(1.2, 25)
	ntk.Must(0, err)
	curve := ntk.Must(f.DualCurve(1.44))
	var duals []float64
	for _, p := range offSphere {
		value, derivative := f.Dual(p[0], p[1], p[2])
		duals = append(duals, value, derivative)
	}
	for _, gap := range []float64{0, 1e-6, 0.3, 1, 2} {
		value, derivative := curve.At(gap)
		duals = append(duals, value, derivative)
	}
	return []result{
		{"Hermite polynomials to degree 40", closed, polynomials, ""},
		{"Hermite series: values and duals", closed, values, ""},
		{"coefficients of ReLU", closed, ntk.Must(ntk.HermiteCoeffs(ntk.ReLU{}, 1, 30)), ""},
		{"coefficients of tanh", quadrature, ntk.Must(ntk.HermiteCoeffs(ntk.Tanh{}, 1.5, 30)), ""},
		{"coefficients of |tanh(2z - 1)|", quadrature, b, fmt.Sprint(bound < 1e-9)},
		{"duals of |tanh(2z - 1)|", quadrature, duals, ""},
	}
}

// ofInverse are certificates, activations for kernels, and variances of finite nets.
func ofInverse() []result {
	relu := ntk.Must(deepReLU().NTK())
	proved := ntk.Must(inverse.Certify(relu, &inverse.CertifySettings{Degree: 30}))
	cosh := ntk.Must(ntk.FromFunc("cosh c", math.Cosh))
	seen := ntk.Must(inverse.Certify(cosh, &inverse.CertifySettings{Degree: 8}))
	refused := ntk.Must(inverse.Certify(
		ntk.Must(ntk.NewPowerSeries([]float64{1, -0.2, 0.5})), nil))
	nearest := ntk.Must(inverse.Nearest(ntk.Must(deepReLU().NNGP()), 5, inverse.PaperPlaces()))
	gaussian := ntk.Must(inverse.Of(ntk.Must(ntk.GaussianKernel(0.7)), nil))
	biased := ntk.Must(inverse.Of(ntk.Must(ntk.NewPowerSeries([]float64{1, 1, 1})),
		&inverse.Settings{WeightStd: 1.2, BiasStd: 0.5, NormSquared: 2}))
	signs := ntk.Must(inverse.Of(ntk.Must(ntk.NewPowerSeries([]float64{1, 0.5, 0.5, 0.5})),
		&inverse.Settings{SignRule: inverse.LeastVariance, SignCosines: []float64{1, 0.5, 0}}))
	shared := ntk.Must(inverse.SharedDepth(ntk.Must(ntk.Must(ntk.UniformFCN(2,
		ntk.Must(hermite.NewSeries([]float64{0, 0.8, 0, 0.6})), 1, 0)).NNGP()), 2,
		&inverse.SharedDepthSettings{NNGP: true, Degree: 9}))
	var variances []float64
	for _, phi := range []ntk.Activation{ntk.ReLU{}, ntk.Erf{}, ntk.PublishedMimic(),
		gaussian.Phi} {
		for _, p := range [][3]float64{{1, 1, 1}, {1, 0.3, 1}, {0.8, -0.5, 1.1}} {
			variances = append(variances,
				ntk.Must(inverse.FiniteWidthVariance(phi, p[0], p[1], p[2])))
		}
	}
	argument := func(c *inverse.Certificate) string {
		return fmt.Sprintf("%v, proof %v: %s", c.Verdict, c.Proof, c.Reason)
	}
	return []result{
		{"certificate of a net's NTK", closed, proved.Nearest.Coeffs(), argument(proved)},
		{"certificate of values", quadrature, seen.Nearest.Coeffs(), argument(seen)},
		{"certificate of a refusal", closed, refused.Nearest.Coeffs(), argument(refused)},
		{"nearest kernel of degree 5", quadrature, append(nearest.Series.Coeffs(), nearest.Mean,
			nearest.Max), ""},
		{"φ for the Gaussian kernel", closed, gaussian.Coeffs, argument(gaussian.Certificate)},
		{"φ with a bias", closed, biased.Coeffs, argument(biased.Certificate)},
		{"signs of least variance", closed, signs.Coeffs, ""},
		{"φ shared by two layers", iterated, shared.Dual.Coeffs(), shared.Verdict.String()},
		{"variance of finite nets", quadrature, variances, ""},
	}
}

// ofDesigns are fits of trainable activations.
func ofDesigns() []result {
	relu := ntk.Must(deepReLU().NTK())
	settings := &design.Settings{Starts: 30, Polish: 4}
	numbers := func(d *design.Design) (values []float64) {
		for _, p := range d.Params {
			values = append(values, p.Value)
		}
		return append(values, d.Error.Mean, d.Error.Max, d.Error.Relative)
	}
	paper := ntk.Must(design.Fit(ctx(), design.Paper(),
		design.Problem{Target: relu, On: design.Angles(41, nil)}, settings)).Design
	smooth := ntk.Must(design.Fit(ctx(), design.Family{Cosines: 1, NoSlope: true, NoOffset: true},
		design.Problem{Target: ntk.Must(ntk.GaussianKernel(1)), NNGPShare: 1}, settings)).Design
	mimic := design.FromMimic(ntk.PublishedMimic())
	published := ntk.Must(design.Measured(mimic, relu, design.Domain{}))
	off := ntk.Must(design.ErrorOn(mimic, relu, design.Norms(0.5, 2)))
	return []result{
		{"fit to four layers", searched, numbers(paper), paper.Formula.String()},
		// √2 cos(z + π/4) has this kernel, and so has it with other signs: rounding decides which.
		{"fit to a Gaussian kernel", searched, curves(ntk.Must(ntk.Must(smooth.Net(1)).NNGP())),
			fmt.Sprint(smooth.Error.Max < 1e-12)},
		{"errors of the published design", quadrature, []float64{published.Error.Mean,
			published.Error.Max, off.Mean, off.Max}, ""},
		{"spread of the published design", quadrature,
			ntk.Must(published.Spread([]float64{-1, 0, 0.5, 1})),
			fmt.Sprint(ntk.Must(published.WidthFor(0.1)))},
		{"source of the published design", exact, nil,
			ntk.Must(design.GoSource(mimic, "a", "Phi"))},
	}
}
