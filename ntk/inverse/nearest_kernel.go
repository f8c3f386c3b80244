package inverse

import (
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/nnls"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"gonum.org/v1/gonum/floats"
)

// explained says whether the errors of the values explain their distance to p.
func (d *fitData) explained(p ntk.PowerSeries, slope, shift float64) bool {
	var chi2 float64
	for i, c := range d.c {
		e := (p.At(slope*c+shift)/d.scale - d.v[i]) / d.std[i]
		chi2 += e * e
	}
	m := float64(len(d.c))
	return chi2 <= m+3*math.Sqrt(2*m)
}

// separate looks for a proof, but for the errors of the values, that no
// Σ a_k c^k with a_k ≥ 0 has them: the functional L(f) = Σ w r f of the residual
// r of the nearest one. It returns the argument or "", how much of the nearest
// lies in degrees as good as infinite, and whether the residual is more than
// errors explain.
func (d *fitData) separate() (reason string, outer float64, excess bool, err error) {
	if reason := d.aboveTop(); reason != "" {
		return reason, 0, true, nil
	}
	w, most := d.byErrors()
	cols, b := w.allColumns(), w.right()
	result, err := nnls.Solve(cols, b, 0)
	if err != nil {
		return "", 0, false, fmt.Errorf("inverse: fit for the certificate: %w", err)
	}
	outer = w.outerPart(cols, result.X)
	// What errors alone can leave: all at their bound, or 4.5 standard deviations.
	errors := math.Sqrt(float64(len(b))) / most
	if w.noisy {
		errors += 4.5 / most
	}
	// The fit itself is no better than the gradients that it stops at.
	if result.Norm <= errors+1e-11*euclidean(b) {
		return "", outer, false, nil
	}
	return w.contradiction(result, b, errors, most), outer, true, nil
}

// aboveTop returns the argument that two values alone make against a kernel, whose
// |K(c)| ≤ K(1), or "".
func (d *fitData) aboveTop() string {
	one, largest := -1, 0
	for i, c := range d.c {
		if c == 1 && (one < 0 || d.std[i] < d.std[one]) {
			one = i
		}
		if math.Abs(d.v[i])-4*d.std[i] > math.Abs(d.v[largest])-4*d.std[largest] {
			largest = i
		}
	}
	if one >= 0 && math.Abs(d.v[largest])-d.v[one] > 4.5*(d.std[largest]+d.std[one]) {
		return fmt.Sprintf("|K(%.4g)| = %.6g is more than K(1) = %.6g", d.c[largest],
			math.Abs(d.v[largest])*d.scale, d.v[one]*d.scale)
	}
	return ""
}

// byErrors are the same values with weights 1/std², whatever those of the fit were, over the
// largest of them, which is most².
func (d *fitData) byErrors() (w *fitData, most float64) {
	w = &fitData{c: d.c, v: d.v, scale: d.scale, std: d.std, noisy: d.noisy}
	for _, e := range d.std {
		most = math.Max(most, 1/e)
	}
	for _, e := range d.std {
		w.weight = append(w.weight, 1/(e*e)/(most*most))
	}
	return w, most
}

// allColumns are those of all degrees to 200, of some in each 5 % up to a million, and of the
// limits of even and odd ones.
func (d *fitData) allColumns() [][]float64 {
	cols := d.columns(200, 1, 0)
	for k := 201.; k < 1e6; k = math.Ceil(k * 1.05) {
		cols = append(cols, d.column(k), d.column(k+1))
	}
	for _, sign := range []float64{1, -1} {
		col := make([]float64, len(d.c))
		for i, c := range d.c {
			switch c {
			case 1:
				col[i] = math.Sqrt(d.weight[i])
			case -1:
				col[i] = sign * math.Sqrt(d.weight[i])
			}
		}
		cols = append(cols, col)
	}
	return cols
}

// outerPart is the sum of the coefficients x of those columns that are as good as 0 but at
// c = ±1.
func (d *fitData) outerPart(cols [][]float64, x []float64) (sum float64) {
	for j, x := range x {
		inside := 0.0 // the most of the column that is not at c = ±1
		for i, c := range d.c {
			if math.Abs(c) < 1 && d.weight[i] > 0 {
				inside = math.Max(inside, math.Abs(cols[j][i])/math.Sqrt(d.weight[i]))
			}
		}
		if x > 0 && inside < 0.01 {
			sum += x
		}
	}
	return sum
}

// contradiction returns the argument that the residual of the nearest Σ a_k c^k with a_k ≥ 0
// makes against all of them, or "": if K is one, then L(K) ≤ slack · K(top) + ‖r‖ · errors.
// The data are weighted as by byErrors, b is its right side, and errors is the norm of a
// residual that the errors of the values explain.
func (d *fitData) contradiction(r nnls.Result, b []float64, errors, most float64) string {
	top, at := 0.0, -1
	for i, c := range d.c {
		if c > top || c == top && at >= 0 && d.std[i] < d.std[at] {
			top, at = c, i
		}
	}
	if at < 0 {
		return ""
	}
	// L(K) itself, not ‖r‖²: they agree only as far as r is orthogonal to the fit.
	gain := floats.Dot(r.Residual, b) - r.Norm*(errors+0x1p-50*euclidean(b))
	if gain > 0 && gain > 2*d.slack(r.Residual, top)*(math.Abs(d.v[at])+5*d.std[at]) {
		return fmt.Sprintf(
			"every kernel is at least %.3g away in the mean, and errors of the values explain %.3g",
			d.scale*r.Norm*most/math.Sqrt(d.weights()),
			d.scale*errors*most/math.Sqrt(d.weights()))
	}
	return ""
}

// weights is Σ 1/std².
func (d *fitData) weights() (sum float64) {
	for _, e := range d.std {
		sum += 1 / (e * e)
	}
	return sum
}

// slack is the largest L(c^k)/top^k over all k, L(f) = Σ √w r f, where top is
// the largest cosine.
func (d *fitData) slack(r []float64, top float64) float64 {
	var worst float64
	see := func(power func(i int) float64) {
		var sum float64
		for i := range d.c {
			sum += math.Sqrt(d.weight[i]) * r[i] * power(i)
		}
		worst = math.Max(worst, sum)
	}
	powers := make([]float64, len(d.c))
	for i := range powers {
		powers[i] = 1
	}
	for range 2000 {
		see(func(i int) float64 { return powers[i] })
		for i, c := range d.c {
			powers[i] *= c / top
		}
	}
	for k := 2000.; k < 1e7; k = math.Ceil(k * 1.02) {
		see(func(i int) float64 { return math.Pow(d.c[i]/top, k) })
		see(func(i int) float64 { return math.Pow(d.c[i]/top, k+1) })
	}
	if math.IsNaN(worst) { // cosines beyond -top: the powers leave float64
		return math.Inf(1)
	}
	return worst
}

// valueError is the error, relative to the largest |K(c)|, that values of a
// kernel may have from rounding.
const valueError = 0x1p-50

// mostPlaces is how many values a fit takes: its matrices have some 500 columns
// and more.
const mostPlaces = 20000

// fitData are the values that a fit sees, over their largest size.
type fitData struct {
	c, v   []float64
	weight []float64 // of the squared errors
	std    []float64 // error of v
	scale  float64   // v · scale are the values given
	noisy  bool      // the errors are random and not rounding
}

// Places says where a fit looks at its target, and how much each place
// counts. The zero value means 201 cosines cos θ, θ uniform over [0, π] with
// both ends, each with weight 1. For [Samples] the places are the samples, each
// with weight 1/Std², and all fields must be zero.
type Places struct {
	// Points is the number of cosines uniform in θ; 0 means 201.
	Points int
	// EndCopies counts c = 1 that many times more.
	EndCopies int
	// Cosines, if not nil, are the places instead, and Weights, if not nil, how
	// much the squared error counts at each.
	Cosines, Weights []float64
}

// PaperPlaces returns the settings of [SAD22] fig. 1: 100 points uniform in θ and
// c = 1 another 11 times.
func PaperPlaces() *Places { return &Places{Points: 100, EndCopies: 11} }

// uniformCosines returns n cosines uniform in θ from 0 to π, symmetric to the bit.
func uniformCosines(n int) []float64 {
	c := make([]float64, n)
	for i := range c {
		c[i] = math.Sin(math.Pi / 2 * float64(n-1-2*i) / float64(max(n-1, 1)))
	}
	return c
}

func (s *source) data(f Places) (*fitData, error) {
	d := &fitData{}
	var err error
	if s.samples != nil {
		if f.Points != 0 || f.EndCopies != 0 || f.Cosines != nil || f.Weights != nil {
			return nil, fmt.Errorf(
				"inverse: samples are fitted where they are; Places must be zero")
		}
		d.c, d.v = slices.Clone(s.samples.Cosines), slices.Clone(s.samples.Values)
	} else if d.c, err = f.places(); err == nil {
		d.v, err = s.finiteValues(d.c)
	}
	if err != nil {
		return nil, err
	}
	if len(d.c) > mostPlaces {
		return nil, fmt.Errorf("inverse: %d places to look at; at most %d are taken", len(d.c),
			mostPlaces)
	}
	for _, v := range d.v {
		d.scale = math.Max(d.scale, math.Abs(v))
	}
	if d.scale == 0 {
		d.scale = 1
	}
	for i := range d.v {
		d.v[i] /= d.scale
	}
	d.setErrors(s)
	return d, d.setWeights(s, f)
}

// places returns the cosines at which a target that has a value anywhere is looked at.
func (f Places) places() ([]float64, error) {
	switch {
	case f.Points < 0 || f.Points == 1 || f.Points > mostPlaces:
		return nil, fmt.Errorf("inverse: Places.Points is %d; it must be 0 or from 2 to %d",
			f.Points, mostPlaces)
	case f.EndCopies < 0:
		return nil, fmt.Errorf("inverse: Places.EndCopies is %d; it must be ≥ 0", f.EndCopies)
	case f.Cosines != nil && (f.Points != 0 || f.EndCopies != 0):
		return nil, fmt.Errorf("inverse: Places has both Cosines and Points or EndCopies")
	case len(f.Weights) != 0 && len(f.Weights) != len(f.Cosines):
		return nil, fmt.Errorf("inverse: Places has %d Weights for %d Cosines", len(f.Weights),
			len(f.Cosines))
	case f.Cosines != nil && len(f.Cosines) == 0:
		return nil, fmt.Errorf("inverse: Places.Cosines is empty")
	}
	if f.Cosines == nil && f.Points == 0 {
		f.Points = 201
	}
	if f.Cosines == nil {
		return uniformCosines(f.Points), nil
	}
	for i, c := range f.Cosines {
		if !(math.Abs(c) <= 1) {
			return nil, fmt.Errorf("inverse: Places.Cosines[%d] is %v, outside [-1, 1]", i, c)
		}
	}
	return slices.Clone(f.Cosines), nil
}

// finiteValues returns the target at the cosines.
func (s *source) finiteValues(cosines []float64) ([]float64, error) {
	values, err := s.values(cosines)
	if err != nil {
		return nil, fmt.Errorf("inverse: the target %s has no value somewhere on [-1, 1], so it "+
			"is no "+
			"kernel on the sphere: %w", s.name, err)
	}
	for i, v := range values {
		if !special.Finite(v) {
			return nil, fmt.Errorf("inverse: the target %s is %v at c = %v; it must be finite on "+
				"[-1, 1]", s.name, v, cosines[i])
		}
	}
	return values, nil
}

// setErrors sets the standard error of each value: of rounding, or that of the samples.
func (d *fitData) setErrors(s *source) {
	d.std = make([]float64, len(d.c))
	for i := range d.v {
		d.std[i] = s.rounding()
		if s.samples != nil && len(s.samples.Std) > 0 {
			std := s.samples.Std[0]
			if len(s.samples.Std) > 1 {
				std = s.samples.Std[i]
			}
			if std /= d.scale; std > valueError {
				d.std[i], d.noisy = std, true
			}
		}
	}
	if d.noisy { // a value without noise among noisy ones must not silence them
		floor := 1e-6 * slices.Max(d.std)
		for i, e := range d.std {
			d.std[i] = math.Max(e, floor)
		}
	}
}

// setWeights sets the weight of each value in the mean square: for samples by their standard
// errors, for others as asked.
func (d *fitData) setWeights(s *source, f Places) error {
	d.weight = make([]float64, len(d.c))
	for i := range d.weight {
		d.weight[i] = 1
	}
	switch {
	case s.samples != nil:
		least := slices.Min(d.std)
		for i, e := range d.std {
			d.weight[i] = least / e * (least / e)
		}
	case len(f.Weights) != 0:
		for i, w := range f.Weights {
			if !(w >= 0) || math.IsInf(w, 0) {
				return fmt.Errorf(
					"inverse: Places.Weights[%d] is %v; it must be a finite number ≥ 0", i, w)
			}
			d.weight[i] = w
		}
	default:
		if d.c[0] == 1 {
			d.weight[0] += float64(f.EndCopies)
		}
	}
	return nil
}

// parity returns 0 or 1 if the values are even or odd in c to their errors,
// else -1.
func (d *fitData) parity() int {
	if d.noisy {
		return -1
	}
	at := map[float64]float64{}
	for i, c := range d.c {
		at[c] = d.v[i]
	}
	even, odd := true, true
	for i, c := range d.c {
		v, ok := at[-c]
		even = even && ok && math.Abs(v-d.v[i]) <= 2*d.std[i]
		odd = odd && ok && math.Abs(v+d.v[i]) <= 2*d.std[i]
	}
	switch {
	case even:
		return 0
	case odd:
		return 1
	}
	return -1
}

// column is c^k at the data, times the root of the weights.
func (d *fitData) column(k float64) []float64 {
	col := make([]float64, len(d.c))
	for i, c := range d.c {
		col[i] = math.Sqrt(d.weight[i]) * math.Pow(c, k)
	}
	return col
}

// columns are those of degrees 0 … degree, in the variable x_i = shift + slope·c_i.
func (d *fitData) columns(degree int, slope, shift float64) [][]float64 {
	cols := make([][]float64, degree+1)
	power := make([]float64, len(d.c))
	for i := range power {
		power[i] = math.Sqrt(d.weight[i])
	}
	parity := -1
	if shift == 0 {
		parity = d.parity()
	}
	for k := range cols {
		cols[k] = make([]float64, len(d.c))
		if parity < 0 || k%2 == parity { // else of zeros, which never enters
			copy(cols[k], power)
		}
		for i := range power {
			power[i] *= slope*d.c[i] + shift
		}
	}
	return cols
}

func (d *fitData) right() []float64 {
	b := make([]float64, len(d.v))
	for i, v := range d.v {
		b[i] = math.Sqrt(d.weight[i]) * v
	}
	return b
}

// NearestKernel is the kernel of a degree nearest to a target.
type NearestKernel struct {
	// Series has coefficients ≥ 0, exactly 0 where the target wants none.
	Series ntk.PowerSeries
	// Mean is the root of the weighted mean of the squared error over the places
	// of the fit, Max the largest error there and, but for samples, on 2,001
	// cosines uniform in θ.
	Mean, Max float64
	// KKT is by how much the conditions of optimality fail, relative to the
	// norms of target and power; rounding leaves about 1e-15.
	KKT float64
}

// String says which kernel it is and how far it is from the target, in a line.
func (n NearestKernel) String() string {
	return fmt.Sprintf("nearest kernel of degree %d: %.2g away in the mean, %.2g at most",
		len(n.Series.Coeffs())-1, n.Mean, n.Max)
}

// Nearest returns the power series Σ a_k c^k of the degree, all a_k ≥ 0, that
// is nearest to the target in the weighted mean square: an exact active set, so
// that a coefficient is 0 unless the target asks for it. A nil s means
// [Places]{}. It reports a degree outside 0 … 10000 and bad settings.
//
// Source: [SAD22] sec. 3, whose fits are those of [PaperPlaces] at degree 5.
func Nearest(target Target, degree int, s *Places) (*NearestKernel, error) {
	src, err := sourceOf(target)
	if err != nil {
		return nil, err
	}
	if s == nil {
		s = &Places{}
	}
	d, err := src.data(*s)
	if err != nil {
		return nil, err
	}
	return src.fit(d, degree, 1, 0)
}

// fit finds the nearest Σ a_k x^k, x = slope·c + shift.
func (s *source) fit(d *fitData, degree int, slope, shift float64) (*NearestKernel, error) {
	if degree < 0 || degree > 10000 {
		return nil, fmt.Errorf("inverse: degree is %d; it must be from 0 to 10000", degree)
	}
	if entries := (degree + 1) * len(d.c); entries > 3e7 {
		return nil, fmt.Errorf(
			"inverse: a fit of degree %d to %d places has %d matrix entries; at most 3e7 are taken",
			degree, len(d.c), entries)
	}
	result, err := nnls.Solve(d.columns(degree, slope, shift), d.right(), 0)
	if err != nil {
		return nil, fmt.Errorf("inverse: fit of degree %d to %s: %w", degree, s.name, err)
	}
	for k := range result.X {
		if result.X[k] *= d.scale; !special.Finite(result.X[k]) {
			return nil, fmt.Errorf(
				"inverse: fit of degree %d to %s: a_%d is too large for double precision", degree,
				s.name, k)
		}
	}
	f := &NearestKernel{Series: cutOff(result.X, 0)}
	f.KKT = result.KKT / math.Max(math.SmallestNonzeroFloat64, euclidean(d.right()))
	f.Mean, f.Max, err = s.distance(d, f.Series, slope, shift)
	return f, err
}

func euclidean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum)
}

// distance compares p(slope·c + shift) to the target.
func (s *source) distance(
	d *fitData, p ntk.PowerSeries, slope, shift float64,
) (mean, most float64, err error) {
	var sum, weights float64
	for i, c := range d.c {
		e := math.Abs(p.At(slope*c+shift)/d.scale - d.v[i])
		sum += d.weight[i] * e * e
		weights += d.weight[i]
		most = math.Max(most, e)
	}
	if s.values != nil {
		fine := uniformCosines(2001)
		values, err := s.values(fine)
		if err != nil {
			return 0, 0, err
		}
		for i, c := range fine {
			most = math.Max(most, math.Abs(p.At(slope*c+shift)/d.scale-values[i]/d.scale))
		}
	}
	return d.scale * math.Sqrt(
		sum/math.Max(weights, math.SmallestNonzeroFloat64)), d.scale * most, nil
}
