package plotting

import (
	"fmt"
	"math"
	"slices"
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

type span struct {
	lo, hi float64
	parted bool // a value is not whole
}

func newSpan() span { return span{lo: math.Inf(1), hi: math.Inf(-1)} }

func (s *span) add(vs []float64) {
	for _, v := range vs {
		s.lo, s.hi = min(s.lo, v), max(s.hi, v)
		s.parted = s.parted || v != math.Trunc(v)
	}
}

// single says whether the values are one to rounding. Whole numbers are free of it.
func (s span) single() bool {
	return s.lo == s.hi ||
		s.parted && !(s.hi-s.lo > 1e-14*max(math.Abs(s.lo), math.Abs(s.hi)))
}

// narrow says whether an axis is so short for its distance from zero that its logarithms would be
// rounded visibly: evenly spaced values differ from them by less than a thousandth of a pixel.
func narrow(lo, hi float64) bool { return hi-lo < 1e-6*lo }

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
	case log && (s.single() || !narrow(lo, hi)):
		a, b := math.Log(lo), math.Log(hi)
		if s.single() {
			a, b = a-math.Ln2, b+math.Ln2
		} else {
			a, b = a-pad*(b-a), b+pad*(b-a)
		}
		// Without a margin the ends are the data's own, free of rounding.
		if pad > 0 || a != math.Log(lo) {
			lo, hi = math.Exp(a), math.Exp(b)
		}
	case s.single():
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
func norm(a *plot.Axis, v float64) float64 {
	if _, log := a.Scale.(logScale); log {
		v = math.Log(v)
	}
	return (v - a.Min) / (a.Max - a.Min)
}

// newPlot returns gonum/plot's axes in our style, without anything in them.
func (f *Figure) newPlot(fr frame, width, height vg.Length) *plot.Plot {
	p := plot.New()
	p.TextHandler = markup{}
	style := func(a *plot.Axis, label string, r [2]float64, log bool, length vg.Length,
		apart float64) string {
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
		var ts []plot.Tick
		var offset float64
		if log && !narrow(r[0], r[1]) {
			a.Scale = logScale{}
			a.Min, a.Max = math.Log(r[0]), math.Log(r[1])
			ts, offset = logTicks(r[0], r[1], n)
			for i := range ts {
				ts[i].Value = math.Log(ts[i].Value)
			}
		} else {
			ts, offset = linearTicks(r[0], r[1], n)
		}
		a.Tick.Marker = plot.ConstantTicks(ts)
		return offsetLabel(offset)
	}
	// An offset stands on a line of its own, next to the numbers that it belongs to.
	if s := style(&p.X, f.opt.X, fr.x, f.opt.LogX, width, 62); s != "" {
		p.X.Label.Text = strings.TrimSuffix(s+"\n"+f.opt.X, "\n")
	}
	if s := style(&p.Y, f.opt.Y, fr.y, f.opt.LogY, height, 30); s != "" {
		p.Y.Label.Text = strings.TrimPrefix(f.opt.Y+"\n"+s, "\n")
	}
	return p
}

// linearTicks returns labelled ticks at round numbers, two at least and at most n+1 intervals of 1,
// 2 or 5 times a power of ten. The labels are what has to be added to the offset.
func linearTicks(lo, hi float64, n int) (ticks []plot.Tick, offset float64) {
	var step, first, last float64
	for {
		step = roundStep((hi - lo) / float64(n))
		first = math.Ceil(lo/step - 1e-9)
		last = math.Floor(hi/step + 1e-9)
		if !(step > 0) || math.IsInf(first, 0) || first+1 == first || last-first > float64(4*n+4) ||
			n > 1000 { // of numbers near the least that there are
			return endTicks(lo, hi)
		}
		if last > first {
			break
		}
		n++ // one label would not say how long the axis is
	}
	largest := max(math.Abs(first), math.Abs(last)) * step
	if exponent(largest)-exponent(step) > 4 { // labels of six digits or more
		offset = offsetOf(first*step, last*step)
	}
	if offset != 0 {
		first = math.Round((first*step - offset) / step)
		last = math.Round((last*step - offset) / step)
		largest = max(math.Abs(first), math.Abs(last)) * step
	}
	format := numbers(largest, step)
	for i := range int(last-first) + 1 {
		v := (first + float64(i)) * step // first may be −0, the sum is not
		// At an end of the axis it is that end: gonum/plot makes no room for what is beyond.
		at := offset + v
		for _, end := range []float64{lo, hi} {
			if math.Abs(at-end) < 1e-9*(hi-lo) {
				at = end
			}
		}
		ticks = append(ticks, plot.Tick{Value: at, Label: format(v)})
	}
	return ticks, offset
}

// endTicks are the ends of an axis too short for its distance from zero to have round numbers in
// it.
func endTicks(lo, hi float64) (ticks []plot.Tick, offset float64) {
	if hi-lo < 1e-5*max(math.Abs(lo), math.Abs(hi)) {
		offset = lo
	}
	label := func(v float64) string { return minus(strconv.FormatFloat(v-offset, 'g', 6, 64)) }
	return []plot.Tick{{Value: lo, Label: label(lo)}, {Value: hi, Label: label(hi)}}, offset
}

// offsetOf returns the multiple of a power of ten that brings the numbers from lo to hi, of one
// sign, near zero: a single digit if the labels are not longer than four for it.
func offsetOf(lo, hi float64) float64 {
	if lo <= 0 && hi >= 0 {
		return 0
	}
	near := min(math.Abs(lo), math.Abs(hi))
	unit := math.Pow(10, math.Ceil(math.Log10(hi-lo)-1e-9))
	digits := math.Floor(near/unit + 1e-9)
	leading := math.Pow(10, math.Floor(math.Log10(near/unit)+1e-9))
	if d := math.Floor(near/unit/leading+1e-9) * leading; digits-d < 100 {
		digits = d
	}
	return math.Copysign(digits*unit, lo)
}

// offsetLabel writes an offset with its sign, or nothing for none.
func offsetLabel(v float64) string {
	if v == 0 {
		return ""
	}
	sign := "+ "
	if v < 0 {
		sign = "− "
	}
	v = math.Abs(v)
	if v >= 1e-4 && v < 1e6 {
		return sign + strconv.FormatFloat(v, 'f', -1, 64)
	}
	mantissa, e, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
	n, _ := strconv.Atoi(e)
	if mantissa == "1" {
		return sign + power(n)
	}
	return sign + mantissa + "×" + power(n)
}

// exponent is that of the largest power of ten not above v, for its rounding.
func exponent(v float64) int { return int(math.Floor(math.Log10(v) + 1e-9)) }

// numbers returns how to write multiples of step up to largest, all in one way.
func numbers(largest, step float64) func(float64) string {
	if largest >= 1e5 || largest < 1e-3 {
		e := int(math.Floor(math.Log10(largest)))
		unit := math.Pow(10, float64(e))
		decimals := max(0, e-exponent(step))
		return func(v float64) string {
			if v == 0 {
				return "0"
			}
			return minus(strconv.FormatFloat(v/unit, 'f', decimals, 64)) + "×" + power(e)
		}
	}
	decimals := max(0, -exponent(step))
	return func(v float64) string { return minus(strconv.FormatFloat(v, 'f', decimals, 64)) }
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
// unlabelled ticks between. Where these are fewer than three it labels some of their multiples too,
// or round numbers, whose labels are what has to be added to the offset.
func logTicks(lo, hi float64, n int) (ticks []plot.Tick, offset float64) {
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
	// The labels of every stride-th power and of these multiples.
	marked := func(stride int, multiples string) (ts []plot.Tick, labelled int) {
		for e := first - 1; e <= last; e++ {
			for m := 1.0; m <= 9; m++ {
				v := m * math.Pow(10, float64(e))
				if v < lo*(1-slack) || v > hi*(1+slack) {
					continue
				}
				t := plot.Tick{Value: max(lo, min(hi, v))}
				switch {
				case (e-first)%stride == 0 && strings.ContainsRune(multiples, rune('0'+m)):
					t.Label = label(m, e)
					labelled++
				case m != 1 && (stride > 1 || last-first > 8):
					continue
				}
				ts = append(ts, t)
			}
		}
		return ts, labelled
	}
	stride := 1
	if last > first {
		stride += (last - first) / max(n, 1)
	}
	if ts, labelled := marked(max(1, min(stride, (last-first)/2)), "1"); labelled >= 3 {
		return ts, 0
	}
	for _, multiples := range []string{"125", "13", "12357"} {
		if ts, labelled := marked(1, multiples); labelled >= 3 && labelled <= max(5, 2*n) {
			return ts, 0
		}
	}
	for ; len(ticks) < 3 && n < 10; n++ {
		ticks, offset = linearTicks(lo, hi, n)
	}
	return ticks, offset
}

// apart takes the labels from ticks, but for every second, third, … of them, until they stand apart
// on an axis of a length. The size of a label is that along the axis.
func apart(
	a plot.Axis, ticks []plot.Tick, length vg.Length, size func(markup, string, float64) vg.Length,
) plot.ConstantTicks {
	for stride := 1; ; stride++ {
		kept := slices.Clone(ticks)
		end := vg.Length(math.Inf(-1))
		labels, touch := 0, false
		for i, t := range kept {
			if t.Label == "" {
				continue
			}
			if labels++; (labels-1)%stride != 0 {
				kept[i].Label = ""
				continue
			}
			middle, half := length*vg.Length(a.Norm(t.Value)), size(markup{}, t.Label, tickSize)/2
			touch = touch || middle-half < end+vg.Points(1)
			end = middle + half
		}
		if !touch || stride >= labels {
			return kept
		}
	}
}

// power writes 10^e with a raised exponent.
func power(e int) string { return "10^{" + minus(strconv.Itoa(e)) + "}" }

// minus replaces the hyphen of a formatted number by a minus sign.
func minus(s string) string { return strings.ReplaceAll(s, "-", "−") }
