package spectra_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
)

// measurement is a case of testdata/measured.json: kernel regression done with the kernel e^{c-1}.
type measurement struct {
	Domain, Target string
	Ridge, N       float64
	Noise          float64 `json:"noise_var"`
	Whole          float64 `json:"mse_whole_domain"`
	WholeError     float64 `json:"mse_stderr"`
	HeldOut        float64 `json:"mse_held_out"`
	HeldOutError   float64 `json:"mse_held_out_stderr"`
	TrainMSE       float64 `json:"train_mse"`
	TrainError     float64 `json:"train_mse_stderr"`
	Predicted      float64 `json:"predicted_mse"`
}

const threeTerms = "sqrt.5 x0+sqrt.3 x1x2+sqrt.2 x0x1x2x3"

// name leaves n out.
func (m measurement) name() string {
	domain, _, _ := strings.Cut(m.Domain, ",")
	if strings.Contains(m.Domain, "with replacement") {
		domain += " with repeats"
	}
	target := m.Target
	if target == threeTerms {
		target = "three terms"
	}
	return fmt.Sprintf("%s, %s, ridge %v, noise %v", domain, target, m.Ridge, m.Noise)
}

// setting returns the spectrum and target, and what was measured.
func (m measurement) setting() (
	s *spectra.Spectrum, target spectra.Target, mse, err float64,
) {
	K := ntk.Must(ntk.GaussianKernel(1))
	cube := spectra.Hypercube{Dim: 8}
	parities := func(terms ...spectra.Parity) spectra.Target {
		return ntk.Must(cube.Parities(terms...))
	}
	wave := func(f func(a float64) float64) spectra.Target {
		return ntk.Must(spectra.Circle{Points: 256}.Target(
			func(a float64) float64 { return math.Sqrt2 * f(a) }, 128))
	}
	switch mse, err = m.Whole, m.WholeError; m.Domain[0] {
	case '8':
		s = ntk.Must(cube.Spectrum(K))
	case 'c':
		s = ntk.Must(spectra.Circle{Points: 256}.Spectrum(K, 128))
	default:
		s = ntk.Must(spectra.Sphere{Dim: 5}.Spectrum(K, 60))
		target.Power = make([]float64, 61)
		mse, err = m.HeldOut, m.HeldOutError
	}
	switch m.Target {
	case "x0":
		target = parities(spectra.Parity{[]int{0}, 1})
	case "x0x1":
		target = parities(spectra.Parity{[]int{0, 1}, 1})
	case "x0x1x2":
		target = parities(spectra.Parity{[]int{0, 1, 2}, 1})
	case threeTerms:
		target = parities(spectra.Parity{[]int{0}, math.Sqrt(0.5)},
			spectra.Parity{[]int{1, 2}, math.Sqrt(0.3)},
			spectra.Parity{[]int{0, 1, 2, 3}, math.Sqrt(0.2)})
	case "sqrt2 cos(theta)":
		target = wave(math.Cos)
	case "sqrt2 cos(3 theta)":
		target = wave(func(a float64) float64 { return math.Cos(3 * a) })
	case "sqrt2 sin(6 theta)":
		target = wave(func(a float64) float64 { return math.Sin(6 * a) })
	case "sqrt5 x0 (degree 1)":
		target.Power[1] = 1
	case "degree 2: x0 x1 normalised":
		target.Power[2] = 1
	case "degree 3: x0 x1 x2 normalised":
		target.Power[3] = 1
	default:
		panic(m.Target)
	}
	target.Noise += m.Noise
	return s, target, mse, err
}

// Where theory and measurement differ, with why, and at which n.
var beyondTheory = []struct {
	why   string
	cases map[string][]float64
}{
	{"Less than 2 % is left: what was not learned decides, and the theory sees the mean alone.",
		map[string][]float64{
			"8-cube, x0, ridge 0, noise 0":                                    {50, 100, 200},
			"8-cube, x0, ridge 0.1, noise 0":                                  {50},
			"8-cube, x0x1, ridge 0, noise 0":                                  {100, 200},
			"8-cube, x0x1x2, ridge 0, noise 0":                                {200},
			"8-cube, three terms, ridge 0, noise 0":                           {200},
			"8-cube with repeats, x0, ridge 0.1, noise 0":                     {100, 200},
			"circle, sqrt2 cos(theta), ridge 0.001, noise 0":                  {10},
			"circle, sqrt2 cos(3 theta), ridge 0.001, noise 0":                {20},
			"sphere S^4, sqrt5 x0 (degree 1), ridge 0.001, noise 0":           {30, 100, 300},
			"sphere S^4, degree 2: x0 x1 normalised, ridge 0.001, noise 0":    {100, 300},
			"sphere S^4, degree 3: x0 x1 x2 normalised, ridge 0.001, noise 0": {300},
		}},
	{"Waves at the points of a circle are far from a random orthogonal matrix.",
		map[string][]float64{
			"circle, sqrt2 cos(theta), ridge 0.1, noise 0":                  {10},
			"circle, sqrt2 cos(theta), ridge 0.001, noise 0":                {5},
			"circle, sqrt2 cos(3 theta), ridge 0.1, noise 0":                {10, 20},
			"circle, sqrt2 cos(3 theta), ridge 0.1, noise 0.1":              {10, 20},
			"circle, sqrt2 cos(3 theta), ridge 0.001, noise 0":              {10},
			"circle, sqrt2 sin(6 theta), ridge 0.1, noise 0":                {5},
			"circle, sqrt2 sin(6 theta), ridge 0.1, noise 0.1":              {5, 10},
			"circle, sqrt2 sin(6 theta), ridge 0.001, noise 0":              {5, 10, 20},
			"circle with repeats, sqrt2 cos(theta), ridge 0.1, noise 0":     {5, 10},
			"circle with repeats, sqrt2 cos(3 theta), ridge 0.1, noise 0":   {10},
			"circle with repeats, sqrt2 cos(3 theta), ridge 0.1, noise 0.1": {10, 20},
			"circle with repeats, sqrt2 sin(6 theta), ridge 0.1, noise 0":   {5},
			"circle with repeats, sqrt2 sin(6 theta), ridge 0.1, noise 0.1": {5},
		}},
	{"Nor are harmonics in few dimensions, with little ridge: 7 to 50 % less than measured.",
		map[string][]float64{
			"8-cube, x0x1, ridge 0, noise 0":                                  {50},
			"8-cube with repeats, x0x1, ridge 0.1, noise 0":                   {50},
			"sphere S^4, degree 2: x0 x1 normalised, ridge 0.001, noise 0":    {30},
			"sphere S^4, degree 3: x0 x1 x2 normalised, ridge 0.001, noise 0": {100},
			"sphere S^4, degree 3: x0 x1 x2 normalised, ridge 0.1, noise 0":   {100},
		}},
}

// Every case is within 3 standard errors or 5 % of the measured error, but for those listed, which
// are not.
func TestAgainstRegression(t *testing.T) {
	var file struct{ Simulations []measurement }
	load(t, "measured.json", &file)
	listed := map[string]string{}
	for _, reason := range beyondTheory {
		for name, ns := range reason.cases {
			for _, n := range ns {
				listed[fmt.Sprint(name, ", n = ", n)] = reason.why
			}
		}
	}
	agree, apart := 0, 0
	for _, m := range file.Simulations {
		s, target, mse, err := m.setting()
		l := ntk.Must(s.Learn(target, m.N, m.Ridge))
		if math.Abs(l.TestMSE/m.Predicted-1) > 1e-5 {
			t.Errorf("%s, n = %v: theory %v, by the reference %v", m.name(), m.N, l.TestMSE,
				m.Predicted)
		}
		if m.Domain[0] != 's' {
			repeats := strings.Contains(m.Domain, "with replacement")
			l = ntk.Must(s.LearnDrawn(target, int(m.N), 256, repeats, m.Ridge))
		}
		name := fmt.Sprint(m.name(), ", n = ", m.N)
		why, isListed := listed[name]
		delete(listed, name)
		// Without a ridge the training error is rounding.
		if off := math.Abs(l.TrainMSE - m.TrainMSE); m.Domain[0] == '8' && m.Ridge > 0 &&
			!isListed && off > 3*m.TrainError && off > 0.05*m.TrainMSE {
			t.Errorf("%s: theory %.4g of training, measured %.4g ± %.2g", name, l.TrainMSE,
				m.TrainMSE, m.TrainError)
		}
		close := math.Abs(l.TestMSE-mse) <= 3*err || math.Abs(l.TestMSE-mse) <= 0.05*mse
		switch {
		case close && !isListed:
			agree++
		case !close && isListed:
			apart++
		case close:
			t.Errorf("%s: theory %.4g, measured %.4g ± %.2g agree; take it from the list", name,
				l.TestMSE, mse, err)
		default:
			t.Errorf("%s: theory %.4g, measured %.4g ± %.2g %s", name, l.TestMSE, mse, err, why)
		}
	}
	for name := range listed {
		t.Errorf("%s: listed and not measured", name)
	}
	t.Logf("%d cases agree, %d listed do not", agree, apart)
}
