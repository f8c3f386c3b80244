package plotting

import (
	"math"
	"testing"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/recorder"

	"github.com/google/go-cmp/cmp"
)

func TestRuns(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want []run
	}{
		{"K(c)", []run{{text: "K(c)", scale: 1}}},
		{"10⁻³", []run{{text: "10", scale: 1}, {text: "−3", scale: scriptScale, shift: raise}}},
		{"σ_{w}²", []run{{text: "σ", scale: 1}, {text: "w", scale: scriptScale, shift: lower},
			{text: "2", scale: scriptScale, shift: raise}}},
		{"my_net^2", []run{{text: "my_net^2", scale: 1}}},
		{"a_{", []run{{text: "a_{", scale: 1}}},
		{"φ\u0303(z)", []run{{text: "φ", scale: 1, accent: '˜'}, {text: "(z)", scale: 1}}},
	} {
		if diff := cmp.Diff(tc.want, runsOf(tc.in), cmp.AllowUnexported(run{})); diff != "" {
			t.Errorf("%q (-want +got)\n%s", tc.in, diff)
		}
	}
}

func TestSymbolsOfTheField(t *testing.T) {
	for _, s := range []string{
		"φ̃, Φ̃, K(c), θ = arccos c, σ_{w}² = 2, σ_{b} = 0.1",
		"Θ, Σ, κ, λ, η, ρ, τ, α, β, γ, δ, ε, μ, ω, π",
		"x·x′/d, ‖x‖², √d, ½ sin 6z, ±1, ≤, ≥, ≠, ≈, →, ←, ∞, ∑, ∂, −",
		"a₀ … a₉, aₖ, cᵏ, 10⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "f̂, x̄, e^{−c²}",
	} {
		if err := checkText("text", s); err != nil {
			t.Error(err)
		}
	}
}

func TestTextWidths(t *testing.T) {
	width := func(s string) float64 {
		w, _, _ := markup{}.Box(s, sansOf(10, false))
		return float64(w)
	}
	// Liberation Sans has the widths of Helvetica: digits are 0.556 of the size.
	if got := width("0123"); math.Abs(got-22.24) > 0.01 {
		t.Errorf("four digits at 10 points are %v points wide, want 22.24", got)
	}
	if got, want := width("x²"), width("x")+scriptScale*width("2"); math.Abs(got-want) > 1e-9 {
		t.Errorf("x² is %v wide, want %v", got, want)
	}
	if got, want := width("φ̃"), width("φ"); got != want {
		t.Errorf("an accent changes the width from %v to %v", want, got)
	}
}

// The tilde must float above the letter's ink, centred, whatever the letter's height.
func TestAccentClearsItsLetter(t *testing.T) {
	const size = 100
	face := font.DefaultCache.Lookup(sans, size)
	for _, letter := range "φΦσθaAf" {
		var c recorder.Canvas
		drawLine(&c, "x"+string(letter)+"\u0303", sansOf(size, false), ink, 0, 0)
		var accent vg.Point
		for _, a := range c.Actions {
			if f, ok := a.(*recorder.FillString); ok && f.String == "˜" {
				accent = f.Point
			}
		}
		left, right, _, top := inkBox(face, letter)
		al, ar, ab, _ := inkBox(face, '˜')
		if gap := accent.Y + ab - top; gap < 0.03*size || gap > 0.1*size {
			t.Errorf("%c: the tilde is %v above the letter, want 3 to 10", letter, gap)
		}
		if off := accent.X + (al+ar)/2 - face.Width("x") - (left+right)/2; math.Abs(
			float64(off),
		) > 1e-6 {
			t.Errorf("%c: the tilde is %v off the middle of the letter", letter, off)
		}
	}
	_, _, _, capital := inkBox(face, 'H')
	if math.Abs(float64(capital)/size-capHeight) > 0.03 {
		t.Errorf("H is %v high, capHeight says %v", capital, size*capHeight)
	}
}
