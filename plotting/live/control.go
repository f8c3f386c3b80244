package live

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Control is a [Slider], a [Choice] or a [Button].
type Control interface {
	name() string
	check() error
	// initial is the value at the start; a button has none.
	initial() (value float64, has bool)
	// legal is the value nearest to v that the control can have.
	legal(v float64) float64
}

// Slider is a number from Min to Max in steps from Min; it reaches Max if that is a
// whole number of steps away.
type Slider struct {
	// Name is the key of its value, Label the text beside it; an empty Label is the name.
	Name, Label string
	// Min, Max and Step must be finite, Min < Max and 0 < Step ≤ Max - Min.
	Min, Max, Step float64
	// Value is where the slider stands at the start: the step nearest to it. It must be
	// from Min to Max; a value that is left out is 0.
	Value float64
}

// Choice is one of several options. Its value is the index of the option.
type Choice struct {
	Name, Label string
	Options     []string
	Value       int
}

// Button calls the draw function with its name.
type Button struct {
	Name, Label string
}

func (s Slider) name() string { return s.Name }
func (c Choice) name() string { return c.Name }
func (b Button) name() string { return b.Name }

func (s Slider) check() error {
	for _, v := range []float64{s.Min, s.Max, s.Step, s.Value} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf(
				"live: slider %q from %v to %v in steps of %v at %v: want finite numbers", s.Name,
				s.Min, s.Max, s.Step, s.Value)
		}
	}
	if !(s.Min < s.Max) || !(s.Step > 0 && s.Step <= s.Max-s.Min) {
		return fmt.Errorf(
			"live: slider %q from %v to %v in steps of %v: want Min < Max and 0 < Step ≤ Max - Min",
			s.Name, s.Min, s.Max, s.Step)
	}
	if s.Value < s.Min || s.Value > s.Max {
		return fmt.Errorf("live: slider %q at %v: want %v to %v", s.Name, s.Value, s.Min, s.Max)
	}
	return nil
}

func (c Choice) check() error {
	if len(c.Options) == 0 {
		return fmt.Errorf("live: choice %q without options", c.Name)
	}
	if c.Value < 0 || c.Value >= len(c.Options) {
		return fmt.Errorf("live: choice %q at option %d of 0 … %d", c.Name, c.Value,
			len(c.Options)-1)
	}
	return nil
}

func (b Button) check() error { return nil }

func (s Slider) initial() (float64, bool) { return s.legal(s.Value), true }
func (c Choice) initial() (float64, bool) { return float64(c.Value), true }
func (b Button) initial() (float64, bool) { return 0, false }

func (s Slider) legal(v float64) float64 {
	steps := math.Round((v - s.Min) / s.Step)
	steps = math.Max(0, math.Min(steps, math.Floor((s.Max-s.Min)/s.Step*(1+1e-12))))
	// The shortest decimal of a step: 0.3, not 0.30000000000000004.
	return parse(s.text(s.Min + steps*s.Step))
}

func (c Choice) legal(v float64) float64 {
	return math.Max(0, math.Min(math.Round(v), float64(len(c.Options)-1)))
}

func (b Button) legal(v float64) float64 { return 0 }

// decimals are those that Min and Step are written with.
func (s Slider) decimals() int {
	most := 0
	for _, v := range []float64{s.Min, s.Step} {
		if _, after, ok := strings.Cut(strconv.FormatFloat(v, 'f', -1, 64), "."); ok {
			most = max(most, len(after))
		}
	}
	return most
}

func (s Slider) text(v float64) string { return strconv.FormatFloat(v, 'f', s.decimals(), 64) }

func parse(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err) // text was made by FormatFloat
	}
	return v + 0 // no minus before 0
}

func checkControls(controls []Control) error {
	if len(controls) == 0 {
		return errors.New("live: no controls")
	}
	seen := map[string]bool{}
	for i, c := range controls {
		if c == nil {
			return fmt.Errorf("live: control %d is nil", i)
		}
		switch name := c.name(); {
		case name == "":
			return fmt.Errorf("live: control %d has no name", i)
		case name == stopName:
			return fmt.Errorf("live: the name %q is taken", stopName)
		case seen[name]:
			return fmt.Errorf("live: two controls named %q", name)
		default:
			seen[name] = true
		}
		if err := c.check(); err != nil {
			return err
		}
	}
	return nil
}
