package designer

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk/design"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"github.com/kernelsmith/kernelsmith/plotting/live"
)

// desk is what stays from one redraw to the next.
type desk struct {
	settings Settings
	patience time.Duration
	begun    bool
	shape    [3]float64         // what the sliders were set from: origin, depth, length
	set      string             // the coefficients that they were set to
	name     string             // of the kernel they were set from, or ""
	about    string             // the origin
	fits     map[string]*fitted // by coefficients and form
	kept     []curves
}

func newDesk(s Settings) *desk {
	return &desk{settings: s, patience: patience, fits: map[string]*fitted{}}
}

// slider is the name of that of a coefficient.
func slider(k int) string { return fmt.Sprintf("a%d", k) }

// subscript writes a number below the line.
func subscript(k int) string {
	return strings.Map(func(r rune) rune { return r - '0' + '₀' }, fmt.Sprint(k))
}

func (d *desk) controls() []live.Control {
	from := d.settings.Origins
	origin := names(len(from), func(i int) string { return from[i].Name })
	form := append(names(len(forms), func(i int) string { return forms[i].name }), "none")
	sign := names(len(signRules), func(i int) string { return signRules[i].String() })
	format := names(len(formats), func(i int) string { return formats[i].Name })
	c := []live.Control{
		live.Choice{Name: "origin", Label: "start from", Options: origin},
		live.Choice{Name: "form", Label: "formula", Options: form},
		live.Slider{Name: "depth", Min: 1, Max: maxDepth, Step: 1, Value: startingDepth},
		live.Slider{Name: "length", Min: minLength, Max: maxLength, Step: 0.05, Value: 1},
	}
	for k, a := range d.settings.Coeffs {
		c = append(c, live.Slider{Name: slider(k), Label: "a" + subscript(k), Min: least, Max: most,
			Step: step, Value: a})
	}
	return append(c,
		live.Slider{Name: "width", Label: "log₂ width", Min: fewestUnits, Max: mostUnits, Step: 1,
			Value: math.Round(math.Log2(float64(d.settings.Width)))},
		live.Choice{Name: "signs", Label: "signs of b", Options: sign, Value: 2},
		live.Choice{Name: "format", Label: "export as", Options: format},
		live.Button{Name: "fit", Label: "Fit"},
		live.Button{Name: "keep", Label: "Keep"},
		live.Button{Name: "export", Label: "Export"})
}

func names(n int, of func(int) string) (list []string) {
	for i := range n {
		list = append(list, of(i))
	}
	return list
}

func (d *desk) coefficients(v map[string]float64) []float64 {
	a := make([]float64, len(d.settings.Coeffs))
	for k := range a {
		a[k] = v[slider(k)]
	}
	return a
}

// key tells coefficients apart as the sliders do.
func (d *desk) key(v map[string]float64) string { return fmt.Sprintf("%.2f", d.coefficients(v)) }

// view is what the cell shows for the values of its controls, after a button was pressed. At first
// a formula is fitted.
func (d *desk) view(v map[string]float64, pressed string) (view live.View, err error) {
	if !d.begun {
		pressed, d.begun = "fit", true
	}
	set, err := d.begin(v)
	if err != nil {
		return view, err
	}
	e, err := invert(d.coefficients(v), signRules[int(v["signs"])])
	if err != nil {
		return view, err
	}
	about := d.about
	if pressed == "fit" {
		about = d.fit(v, e)
	}
	f := d.fits[d.question(v)]
	phi, drawn := design.Exportable(design.FromSeries(e.net.Phi)), e.curves
	if f != nil {
		phi, drawn = f.Formula, f.curves
	}
	width, format := 1<<int(v["width"]), int(v["format"])
	written, err := formats[format].Source(phi, d.head(v, e, drawn))
	switch {
	case err != nil:
		return view, err
	case pressed == "keep":
		about, d.kept = "kept as a grey line", append(d.kept, drawn)
	case pressed == "export":
		path, err := write(written, d.kernelName(v), format)
		if err != nil {
			return view, err
		}
		about = "written to " + path
	}
	view.Picture, view.Caption = picture(e, f, d.kept, width), caption(width)
	view.Text, view.Set = text(e, f, width, about)+"\n"+written, set
	return view, nil
}

// kernelName is a name of the kernel that the sliders show, for files and their first lines.
func (d *desk) kernelName(v map[string]float64) string {
	if d.name != "" {
		return d.name
	}
	return "a " + strings.Trim(d.key(v), "[]")
}

// head are the first lines of an export: what φ was made for, how near it comes, and where it
// belongs.
func (d *desk) head(v map[string]float64, e exact, drawn curves) []string {
	mean, largest := e.off(drawn)
	target := "Σ a_k c^k with a = " + strings.Trim(d.key(v), "[]")
	if d.name != "" {
		target += ", nearest to the " + d.name
	}
	return []string{
		"Target: the NTK K(c) = " + target,
		fmt.Sprintf("Error of the NTK of this φ: %.2g in the root mean square over θ, %.2g at most",
			mean, largest),
		"For one hidden layer with σ_w = 1, σ_b = 0 and a linear readout, NTK parameterization,",
		"on inputs of norm √d (pre-activations of variance 1)",
	}
}

// question is what a formula answers.
func (d *desk) question(v map[string]float64) string { return fmt.Sprint(d.key(v), v["form"]) }

// fit finds a formula for the kernel that the sliders show, and says how it went.
func (d *desk) fit(v map[string]float64, e exact) string {
	f, began := fitted{}, time.Now()
	err := errNoForm
	switch form := int(v["form"]); {
	case form == len(forms):
	case e.net.Certificate.Verdict == inverse.NotRealizable:
		err = &inverse.NotRealizableError{Certificate: e.net.Certificate}
	default:
		f, err = e.fit(forms[form].family, d.patience)
	}
	if err != nil {
		return "no formula: " + err.Error()
	}
	d.fits[d.question(v)] = &f
	return fmt.Sprintf("formula fitted in %.1f s", time.Since(began).Seconds())
}

// begin sets the sliders from a kernel when one is chosen or its shape is changed. Once they are
// moved they are on their own.
func (d *desk) begin(v map[string]float64) (set map[string]float64, err error) {
	shape := [3]float64{v["origin"], v["depth"], v["length"]}
	if shape[0] > 0 && shape != d.shape {
		K, err := d.settings.Origins[int(shape[0])].Kernel(int(shape[1]), shape[2])
		if err != nil {
			return nil, err
		}
		degree := len(d.settings.Coeffs) - 1
		nearest, err := inverse.Nearest(K, degree, inverse.PaperPlaces())
		if err != nil {
			return nil, err
		}
		set = map[string]float64{}
		for k, a := range nearest.Series.Coeffs() {
			set[slider(k)] = math.Min(most, math.Round(a/step)*step)
			v[slider(k)] = set[slider(k)]
		}
		d.set, d.name = d.key(v), K.String()
		d.about = fmt.Sprintf("set to the nearest of degree %d to the %v, %.2g off in the mean",
			degree, K, nearest.Mean)
	} else if shape[0] > 0 && d.key(v) != d.set {
		shape[0], d.about, d.name = 0, "", ""
		set = map[string]float64{"origin": 0}
	} else if shape[0] == 0 {
		d.name = ""
	}
	d.shape = shape
	return set, nil
}
