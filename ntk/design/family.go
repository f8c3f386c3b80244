package design

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Family is a form of activation with parameters to be found: a sum of so many terms
// of each kind and an affine part, or a form of one's own.
type Family struct {
	// Numbers of terms of each Kind.
	ReLUs, ReflectedReLUs, Cosines, Gaussians, Erfs, GELUs int
	// NoSlope and NoOffset leave the affine part's slope or constant out.
	NoSlope, NoOffset bool
	Bounds            Bounds
	// Fixed holds parameters at a value, by name: "slope", "offset", and
	// "relu1.amplitude", "relu1.shift", "reflected1.…", "cos1.frequency",
	// "cos1.phase", "gaussian1.scale", "erf1.…", "gelu1.…".
	Fixed map[string]float64
	// Custom, if not nil, is the form, with parameters and bounds of its own; of the fields
	// above only Fixed is used, and the others must be zero.
	Custom *Custom `record:"Own"` // the name in keys of records
}

// Paper returns the family of [SAD22]: a·relu(z-b) + c·z + d + e·cos(f·z+g).
func Paper() Family { return Family{ReLUs: 1, Cosines: 1} }

// Bounds limit the parameters. The zero value is the defaults.
type Bounds struct {
	Shift        float64 // |shift| at most; 0 means 2.5
	MinFrequency float64 // of cosines; 0 means 0.3
	MaxFrequency float64 // 0 means 12
	MinScale     float64 // of Gaussians (width), erf and GELU (slope); 0 means 0.2
	MaxScale     float64 // 0 means 5
	// Amplitude bounds |amplitude|, |slope| and |offset|; 0 means 20, and twice the root of
	// the target's largest value where that is more.
	Amplitude float64
	// Slope bounds |φ'| for z → ±∞, the growth of φ outside the range that the
	// kernel tells of; 0 means no bound.
	Slope float64
}

const defaultAmplitude = 20

func (b Bounds) withDefaults() Bounds {
	set := func(v *float64, to float64) {
		if *v == 0 {
			*v = to
		}
	}
	set(&b.Shift, 2.5)
	set(&b.MinFrequency, 0.3)
	set(&b.MaxFrequency, 12)
	set(&b.MinScale, 0.2)
	set(&b.MaxScale, 5)
	set(&b.Amplitude, defaultAmplitude)
	set(&b.Slope, math.Inf(1))
	return b
}

// unknown is one number to be found, and where it stands in a formula.
type unknown struct {
	name   string
	lo, hi float64
	fixed  bool
	at     func(*Formula) *float64
}

// parameters lists the family's, in the order of the formula's terms.
func (f Family) parameters() ([]unknown, error) {
	for name, n := range map[string]int{"ReLUs": f.ReLUs, "ReflectedReLUs": f.ReflectedReLUs,
		"Cosines": f.Cosines, "Gaussians": f.Gaussians, "Erfs": f.Erfs, "GELUs": f.GELUs} {
		if n < 0 || n > 16 {
			return nil, fmt.Errorf("design: Family.%s is %d; it must be 0 … 16", name, n)
		}
	}
	if f.Custom != nil {
		if !reflect.DeepEqual(f, Family{Fixed: f.Fixed, Custom: f.Custom}) {
			return nil, fmt.Errorf(
				"design: a family with Custom has its terms and bounds there; all else but Fixed " +
					"must be zero")
		}
		out, err := f.Custom.parameters()
		if err != nil {
			return nil, err
		}
		return f.fix(out)
	}
	b := f.Bounds.withDefaults()
	for name, v := range map[string]float64{"Shift": b.Shift, "MinFrequency": b.MinFrequency,
		"MaxFrequency": b.MaxFrequency, "MinScale": b.MinScale, "MaxScale": b.MaxScale,
		"Amplitude": b.Amplitude} {
		if !(v > 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("design: Bounds.%s is %v; it must be a finite number > 0", name,
				v)
		}
	}
	if !(b.Slope > 0) {
		return nil, fmt.Errorf("design: Bounds.Slope is %v; it must be > 0", b.Slope)
	}
	if b.MinFrequency >= b.MaxFrequency || b.MinScale >= b.MaxScale {
		return nil, fmt.Errorf(
			"design: bounds of the frequency [%v, %v] or of the scale [%v, %v] are empty",
			b.MinFrequency, b.MaxFrequency, b.MinScale, b.MaxScale)
	}
	var out []unknown
	add := func(name string, lo, hi float64, at func(*Formula) *float64) {
		out = append(out, unknown{name: name, lo: lo, hi: hi, at: at})
	}
	if !f.NoSlope {
		add("slope", -b.Amplitude, b.Amplitude, func(f *Formula) *float64 { return &f.Slope })
	}
	if !f.NoOffset {
		add("offset", -b.Amplitude, b.Amplitude, func(f *Formula) *float64 { return &f.Offset })
	}
	counts := map[Kind]int{}
	for i, t := range f.template().Terms {
		counts[t.Kind]++
		name := fmt.Sprintf("%s%d.", shortName[t.Kind], counts[t.Kind])
		add(name+"amplitude", -b.Amplitude, b.Amplitude,
			func(f *Formula) *float64 { return &f.Terms[i].Amplitude })
		if t.Kind == cosineTerm {
			add(name+"frequency", b.MinFrequency, b.MaxFrequency,
				func(f *Formula) *float64 { return &f.Terms[i].Frequency })
			add(name+"phase", math.Inf(-1), math.Inf(1),
				func(f *Formula) *float64 { return &f.Terms[i].Phase })
			continue
		}
		add(name+"shift", -b.Shift, b.Shift, func(f *Formula) *float64 { return &f.Terms[i].Shift })
		if t.Kind != reluTerm && t.Kind != reflectedTerm {
			add(name+"scale", b.MinScale, b.MaxScale,
				func(f *Formula) *float64 { return &f.Terms[i].Scale })
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("design: the family has no terms")
	}
	return f.fix(out)
}

// fix holds the parameters that Fixed has.
func (f Family) fix(out []unknown) ([]unknown, error) {
	left := len(f.Fixed)
	free := 0
	for i := range out {
		if v, ok := f.Fixed[out[i].name]; ok {
			if !special.Finite(v) {
				return nil, fmt.Errorf("design: Fixed[%q] is %v; it must be finite", out[i].name, v)
			}
			if f.Custom == nil && strings.HasSuffix(out[i].name, ".scale") && v <= 0 {
				return nil, fmt.Errorf("design: Fixed[%q] is %v; a scale must be > 0", out[i].name,
					v)
			}
			out[i].lo, out[i].hi, out[i].fixed = v, v, true
			left--
		} else {
			free++
		}
	}
	if left > 0 {
		for name := range f.Fixed {
			known := false
			for _, p := range out {
				known = known || p.name == name
			}
			if !known {
				return nil, fmt.Errorf(
					"design: Fixed has %q, which is no parameter of the family: those are %v", name,
					names(out))
			}
		}
	}
	if free == 0 {
		return nil, fmt.Errorf("design: all parameters of the family are fixed")
	}
	return out, nil
}

func names(ps []unknown) (out []string) {
	for _, p := range ps {
		out = append(out, p.name)
	}
	return out
}

var shortName = map[Kind]string{
	reluTerm:      "relu",
	reflectedTerm: "reflected",
	cosineTerm:    "cos",
	gaussianTerm:  "gaussian",
	erfTerm:       "erf",
	geluTerm:      "gelu",
}

// template is a formula of the family, with terms of scale and frequency 1.
func (f Family) template() Formula {
	var out Formula
	for _, k := range []struct {
		kind  Kind
		count int
	}{{reluTerm, f.ReLUs}, {reflectedTerm, f.ReflectedReLUs}, {cosineTerm, f.Cosines},
		{gaussianTerm, f.Gaussians}, {erfTerm, f.Erfs}, {geluTerm, f.GELUs}} {
		for range k.count {
			t := Term{Kind: k.kind}
			if k.kind == cosineTerm {
				t.Frequency = 1
			} else if k.kind != reluTerm && k.kind != reflectedTerm {
				t.Scale = 1
			}
			out.Terms = append(out.Terms, t)
		}
	}
	return out
}

// formula puts values into the family's form.
func (f Family) formula(ps []unknown, values []float64) Formula {
	out := f.template()
	for i, p := range ps {
		*p.at(&out) = values[i]
	}
	return out
}

// piecewise reports whether the family has the quick integrals: ReLUs, cosines and
// an affine part alone.
func (f Family) piecewise() bool { return f.Custom == nil && f.Gaussians+f.Erfs+f.GELUs == 0 }
