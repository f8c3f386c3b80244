package plotting

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
)

// A frame is the ranges of the axes of a figure.
type frame struct {
	x, y [2]float64
}

// margin is the part of an axis left free beyond the data.
const margin = 0.04

// frame fits the axes to the data where the options leave them free.
func (f *Figure) frame() (frame, error) {
	x, y := newSpan(), newSpan()
	padX := 0.0 // curves run from edge to edge, dots keep away from it
	for _, s := range f.series {
		x.add(s.xs)
		y.add(s.ys)
		y.add(s.hi)
		if s.kind == points || s.kind == line && len(s.xs) == 1 {
			padX = margin
		}
	}
	xr, err := x.ends("x", f.opt.XRange, f.opt.LogX, padX)
	if err != nil {
		return frame{}, err
	}
	yr, err := y.ends("y", f.opt.YRange, f.opt.LogY, margin)
	return frame{xr, yr}, err
}

type span struct{ lo, hi float64 }

func newSpan() span { return span{math.Inf(1), math.Inf(-1)} }

func (s *span) add(vs []float64) {
	for _, v := range vs {
		s.lo, s.hi = math.Min(s.lo, v), math.Max(s.hi, v)
	}
}

// ends returns the ends of an axis that shows the span with pad, a part of its length, to spare on
// both sides.
func (s span) ends(axis string, fixed *[2]float64, log bool, pad float64) ([2]float64, error) {
	if fixed != nil {
		return *fixed, nil
	}
	lo, hi := s.lo, s.hi
	switch {
	case lo > hi: // nothing drawn
		if log {
			return [2]float64{1, 10}, nil
		}
		return [2]float64{0, 1}, nil
	case log:
		a, b := math.Log(lo), math.Log(hi)
		if b-a < 1e-9 {
			a, b = a-math.Ln2, b+math.Ln2
		} else {
			a, b = a-pad*(b-a), b+pad*(b-a)
		}
		// Without a margin the ends are the data's own, free of rounding.
		if pad > 0 || a != math.Log(lo) {
			lo, hi = math.Exp(a), math.Exp(b)
		}
	case !(hi-lo > 1e-12*math.Max(math.Abs(lo), math.Abs(hi))): // one value, to rounding
		d := 0.1 * math.Max(math.Abs(lo), math.Abs(hi))
		if d == 0 {
			d = 1
		}
		lo, hi = lo-d, hi+d
	default:
		d := pad * (hi - lo)
		lo, hi = lo-d, hi+d
	}
	if math.IsInf(hi-lo, 0) || !(lo < hi) || log && lo <= 0 {
		return [2]float64{}, fmt.Errorf(
			"plotting: values of %s from %v to %v span more than an axis can show; rescale them "+
				"or set %sRange", axis, s.lo, s.hi, strings.ToUpper(axis))
	}
	return [2]float64{lo, hi}, nil
}

// logScale marks a log axis, which holds logarithms: linear to gonum/plot, which puts the room for
// an axis label at the middle of its values.
type logScale struct{ plot.LinearScale }

// norm is where on the axis a value stands, from 0 to 1.
func norm(a plot.Axis, v float64) float64 {
	if _, log := a.Scale.(logScale); log {
		v = math.Log(v)
	}
	return a.Norm(v)
}

// newPlot returns gonum/plot's axes in our style, without anything in them.
func (f *Figure) newPlot(fr frame, width, height vg.Length) *plot.Plot {
	p := plot.New()
	p.TextHandler = markup{}
	style := func(a *plot.Axis, label string, r [2]float64, log bool, length vg.Length,
		apart float64) {
		a.Min, a.Max = r[0], r[1]
		a.Label.Text = label
		al := a.Label.TextStyle
		a.Label.TextStyle = textStyle(labelSize, false, ink)
		a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign = al.XAlign, al.YAlign
		a.Label.Padding = vg.Points(3)
		tl := a.Tick.Label
		a.Tick.Label = textStyle(tickSize, false, axisInk)
		a.Tick.Label.XAlign, a.Tick.Label.YAlign = tl.XAlign, tl.YAlign
		a.Padding = 0
		a.Width, a.Color = vg.Points(0.8), axisInk
		a.Tick.Width, a.Tick.Color, a.Tick.Length = vg.Points(0.7), axisInk, vg.Points(4)
		n := max(2, int(float64(length)/apart))
		if log {
			a.Scale = logScale{}
			a.Min, a.Max = math.Log(r[0]), math.Log(r[1])
			a.Tick.Marker = plot.TickerFunc(func(_, _ float64) []plot.Tick {
				ts := logTicks(r[0], r[1], n)
				for i := range ts {
					ts[i].Value = math.Log(ts[i].Value)
				}
				return ts
			})
		} else {
			a.Tick.Marker = plot.TickerFunc(
				func(lo, hi float64) []plot.Tick { return linearTicks(lo, hi, n) })
		}
	}
	style(&p.X, f.opt.X, fr.x, f.opt.LogX, width, 62)
	style(&p.Y, f.opt.Y, fr.y, f.opt.LogY, height, 30)
	return p
}

// linearTicks returns labelled ticks at round numbers, at most n+1 intervals of 1, 2 or 5 times a
// power of ten.
func linearTicks(lo, hi float64, n int) []plot.Tick {
	step := roundStep((hi - lo) / float64(n))
	first := math.Ceil(lo/step - 1e-9)
	last := math.Floor(hi/step + 1e-9)
	if !(step > 0) || math.IsInf(first, 0) || first+1 == first || last-first > float64(4*n+4) {
		// Too narrow for its distance from zero to have round numbers in it.
		return []plot.Tick{
			{Value: lo, Label: minus(strconv.FormatFloat(lo, 'g', -1, 64))},
			{Value: hi, Label: minus(strconv.FormatFloat(hi, 'g', -1, 64))},
		}
	}
	largest := math.Max(math.Abs(first), math.Abs(last)) * step
	format := func(v float64) string {
		decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
		return minus(strconv.FormatFloat(v, 'f', decimals, 64))
	}
	if largest >= 1e5 || largest < 1e-3 {
		e := int(math.Floor(math.Log10(largest)))
		unit := math.Pow(10, float64(e))
		decimals := max(0, e-int(math.Floor(math.Log10(step)+1e-9)))
		format = func(v float64) string {
			if v == 0 {
				return "0"
			}
			return minus(strconv.FormatFloat(v/unit, 'f', decimals, 64)) + "×" + power(e)
		}
	}
	var ts []plot.Tick
	for i := range int(last-first) + 1 {
		v := (first + float64(i)) * step // first may be −0, the sum is not
		ts = append(ts, plot.Tick{Value: v, Label: format(v)})
	}
	return ts
}

// roundStep returns the least of 1, 2 and 5 times a power of ten that is at least x.
func roundStep(x float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= x*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// logTicks labels powers of ten, or every second, third, … of them if there are more than n, with
// unlabelled ticks between. Where the axis is too short for two of them it labels 1, 2 and 5 times
// each, or round numbers.
func logTicks(lo, hi float64, n int) []plot.Tick {
	const slack = 1e-9
	first := int(math.Ceil(math.Log10(lo) - slack))
	last := int(math.Floor(math.Log10(hi) + slack))
	powers := first < -3 || last > 4
	label := func(m float64, e int) string {
		switch {
		case !powers:
			return strconv.FormatFloat(m*math.Pow(10, float64(e)), 'f', max(0, -e), 64)
		case m == 1:
			return power(e)
		}
		return strconv.FormatFloat(m, 'f', 0, 64) + "×" + power(e)
	}
	var ts []plot.Tick
	each := func(add func(m float64, e int, v float64)) {
		for e := first - 1; e <= last; e++ {
			for m := 1.0; m <= 9; m++ {
				if v := m * math.Pow(10, float64(e)); v >= lo*(1-slack) && v <= hi*(1+slack) {
					add(m, e, v)
				}
			}
		}
	}
	if last-first >= 1 { // two powers of ten or more
		stride := 1 + (last-first)/max(n, 1)
		each(func(m float64, e int, v float64) {
			t := plot.Tick{Value: v}
			switch {
			case m == 1 && (e-first)%stride == 0:
				t.Label = label(1, e)
			case stride > 1 && m != 1, last-first > 8 && m != 1:
				return
			}
			ts = append(ts, t)
		})
		return ts
	}
	labelled := 0
	each(func(m float64, e int, v float64) {
		t := plot.Tick{Value: v}
		if m == 1 || m == 2 || m == 5 {
			t.Label = label(m, e)
			labelled++
		}
		ts = append(ts, t)
	})
	if labelled >= 2 {
		return ts
	}
	return linearTicks(lo, hi, n)
}

// power writes 10^e with a raised exponent.
func power(e int) string { return "10^{" + minus(strconv.Itoa(e)) + "}" }

// minus replaces the hyphen of a formatted number by a minus sign.
func minus(s string) string { return strings.ReplaceAll(s, "-", "−") }
