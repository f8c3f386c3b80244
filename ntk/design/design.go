package design

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Activation returns φ for use in nets and kernels. Of a formula it is what
// [Formula.Activation] returns, and else has numeric duals by [ntk.Custom], for
// variances of up to 100 or four times the largest ‖x‖²/d that it was fitted for.
func (d *Design) Activation() (ntk.Activation, error) {
	if d.own == nil {
		return d.Formula.Activation()
	}
	values, err := d.values()
	if err != nil {
		return nil, err
	}
	return d.own.activation(values, maxVariance(d.hi))
}

// values are the parameters of a family of one's own.
func (d *Design) values() ([]float64, error) {
	if len(d.Params) != len(d.own.Params) {
		return nil, fmt.Errorf("design: the design has %d parameters and its family %s has %d",
			len(d.Params), d.own.name(), len(d.own.Params))
	}
	var out []float64
	for _, p := range d.Params {
		out = append(out, p.Value)
	}
	return out, nil
}

// value is φ(z), NaN if there is none.
func (d *Design) value(z float64) float64 {
	if d.own == nil {
		return d.Formula.Value(z)
	}
	values, err := d.values()
	if err != nil {
		return math.NaN()
	}
	return ownAt{d.own, values}.value(z)
}

// Net returns the architecture of the design: depth hidden layers with σ_w = 1,
// σ_b = 0 and the design as activation.
func (d *Design) Net(depth int) (*ntk.FCN, error) {
	phi, err := d.Activation()
	if err != nil {
		return nil, err
	}
	return ntk.UniformFCN(depth, phi, 1, 0)
}

// NTK returns the NTK of the design's one-hidden-layer net.
func (d *Design) NTK() (ntk.Kernel, error) {
	net, err := d.Net(1)
	if err != nil {
		return ntk.Kernel{}, err
	}
	return net.NTK()
}

// Off returns the design's NTK less the target at cosines on the sphere ‖x‖² = d.
func (d *Design) Off(target inverse.Target, cosines []float64) ([]float64, error) {
	K, err := d.NTK()
	if err != nil {
		return nil, err
	}
	out, err := K.Curve(cosines)
	if err != nil {
		return nil, err
	}
	want, err := curveOf(target, cosines)
	if err != nil {
		return nil, err
	}
	for i, v := range want {
		out[i] -= v
	}
	return out, nil
}

// Spread returns √(N Var Θ_N) at cosines on the sphere: over √N, the standard deviation
// of the empirical NTK of the one-hidden-layer net of width N. It is exact, to about
// 1e-7; see [inverse.FiniteWidthVariance].
func (d *Design) Spread(cosines []float64) ([]float64, error) {
	if d.own == nil {
		return Spread(d.Formula, cosines)
	}
	values, err := d.values()
	if err != nil {
		return nil, err
	}
	return spreadOf(d.own.shape(nil, values), cosines)
}

// Spread is [Design.Spread] for any formula that does not change faster than cos 200z: of
// faster ones it returns an error.
func Spread(f Formula, cosines []float64) ([]float64, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return spreadOf(f.shape(), cosines)
}

// Spread is [Design.Spread] for a series, of any degree to 170 and exact but for rounding.
func (s HermiteSeries) Spread(cosines []float64) ([]float64, error) {
	phi, err := s.Activation()
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(cosines))
	for i, c := range cosines {
		variance, err := inverse.FiniteWidthVariance(phi, 1, c, 1)
		if err != nil {
			return nil, err
		}
		out[i] = math.Sqrt(variance)
	}
	return out, nil
}

func spreadOf(f shape, cosines []float64) ([]float64, error) {
	for i, c := range cosines {
		if !(math.Abs(c) <= 1) {
			return nil, fmt.Errorf("design: cosine %d is %v, outside [-1, 1]", i, c)
		}
	}
	const fastest = 200
	if !(f.rate <= fastest) {
		return nil, fmt.Errorf(
			"design: φ changes too fast for the variance of its finite nets: as cos %.3gz, and "+
				"%d is the most", f.rate, fastest)
	}
	out := make([]float64, len(cosines))
	exactly(cosines).variances(f, out, nil)
	for i, v := range out {
		if !special.Finite(v) {
			return nil, fmt.Errorf(
				"design: the variance of finite nets at c = %v is %v: φ grows too fast or is "+
					"not finite", cosines[i], v)
		}
		out[i] = math.Sqrt(math.Max(0, v))
	}
	return out, nil
}

// Measured returns a formula as a design for a target over a domain, the zero value of
// which is as in [Problem]: for designs that were not found by [Fit].
func Measured(f Formula, target inverse.Target, on Domain) (*Design, error) {
	on, err := on.orDefault(target)
	if err != nil {
		return nil, err
	}
	d := &Design{Formula: f, lo: on.lo, hi: on.hi}
	if d.Error, err = ErrorOn(f, target, on); err != nil {
		return nil, err
	}
	d.Objective = d.Error.Mean
	d.Params = f.params()
	return d, nil
}

// params are the formula's parameters, by the names that they have in families.
func (f Formula) params() []Param {
	out := []Param{{Name: "slope", Value: f.Slope}, {Name: "offset", Value: f.Offset}}
	counts := map[Kind]int{}
	for _, t := range f.Terms {
		counts[t.Kind]++
		used, _, _ := t.parameters()
		for _, p := range used {
			out = append(
				out,
				Param{
					Name:  fmt.Sprintf("%s%d.%s", shortName[t.Kind], counts[t.Kind], p.name),
					Value: *p.value,
				},
			)
		}
	}
	return out
}

// MeanSpread is the root mean square of [Design.Spread] over 17 angles uniform on
// [0, π]: over √N, how far the kernel of a net of width N is from the design's own in
// the mean, in the units in which Error.Mean is its distance from the target.
func (d *Design) MeanSpread() (float64, error) {
	spread, err := d.Spread(spreadCosines)
	if err != nil {
		return 0, err
	}
	return floats.Norm(spread, 2) / math.Sqrt(float64(len(spread))), nil
}

// WidthFor returns the least width at which MeanSpread over its root is at most level, in
// the kernel's units: how wide is wide enough. A level that is not > 0 means the
// design's own mean error.
func (d *Design) WidthFor(level float64) (int, error) {
	spread, err := d.MeanSpread()
	if err != nil {
		return 0, err
	}
	if !(level > 0) {
		level = d.Error.Mean
	}
	return widthFor(spread, level)
}

func widthFor(spread, level float64) (int, error) {
	if !(level > 0) || math.IsInf(level, 0) {
		return 0, fmt.Errorf("design: the level is %v; it must be a finite number > 0", level)
	}
	width := math.Ceil(spread / level * (spread / level))
	if width > math.MaxInt32 {
		return 0, fmt.Errorf("design: a width of %.3g would be needed", width)
	}
	return int(max(1, width)), nil
}

// OutsideError reports inputs on which a design was not fitted: its kernel there may be
// far from the target, however near it is on its domain.
type outsideError struct {
	Row       int
	Norm      float64 // ‖x‖²/d
	Low, High float64 // of the domain
	Rows      int     // how many rows are outside
}

// Error implements error.
func (e *outsideError) Error() string {
	return fmt.Sprintf(
		"design: %d rows are outside the norms that the design was fitted for: row %d has "+
			"‖x‖²/d = %.4g, the domain %.4g to %.4g; fit it on these rows, or scale them", e.Rows,
		e.Row, e.Norm, e.Low, e.High)
}

// Check compares the norms of rows with those that the design was fitted for: an
// [*OutsideError] is a warning that its kernel may be off there.
func (d *Design) Check(x *mat.Dense) error {
	if x == nil {
		return fmt.Errorf("design: no rows to check")
	}
	n, features := x.Dims()
	if n == 0 || features == 0 {
		return fmt.Errorf("design: no rows to check in a matrix of %d×%d", n, features)
	}
	var out *outsideError
	for i := range n {
		q := mat.Dot(x.RowView(i), x.RowView(i)) / float64(features)
		if q < d.lo*(1-1e-6) || q > d.hi*(1+1e-6) || math.IsNaN(q) {
			if out == nil {
				out = &outsideError{Row: i, Norm: q, Low: d.lo, High: d.hi}
			}
			out.Rows++
		}
	}
	if out == nil {
		return nil
	}
	return out
}

// ErrorOn compares a formula's NTK (one hidden layer) with a target over a domain, the
// zero value of which is as in [Problem].
func ErrorOn(f Formula, target inverse.Target, on Domain) (Error, error) {
	on, err := on.orDefault(target)
	if err != nil {
		return Error{}, err
	}
	places, err := on.wanted(target)
	if err != nil {
		return Error{}, err
	}
	K, err := (&Design{Formula: f}).NTK()
	if err != nil {
		return Error{}, err
	}
	return kernelError(K, places)
}

// kernelError is the distance of a kernel from what is wanted at the places.
func kernelError(K ntk.Kernel, places []place) (Error, error) {
	values := make([]float64, len(places))
	var err error
	for i, p := range places {
		if values[i], err = valueAt(K, p); err != nil {
			return Error{}, err
		}
	}
	return errorOf(values, places), nil
}
