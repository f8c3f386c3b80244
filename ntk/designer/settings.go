package designer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"github.com/kernelsmith/kernelsmith/plotting/live"
)

// Settings say where a design begins. The zero value of each field is the default that its comment
// gives.
type Settings struct {
	// Coeffs are a_0, a_1, … at the start, a slider for each, between -0.5 and 3; none are
	// 0.7, 0.3, 0.25, 0.2, 0.3, 0.25. A negative one is allowed: no net has such a kernel, which
	// the cell says.
	Coeffs []float64
	// Origins are kernels that the sliders can be set from; none are the NTKs of ReLU and erf nets
	// (σ_w = √2, σ_b = 0.1), the Gaussian and the Laplace kernel, and cosh c/length.
	Origins []Origin
	// Width is that of the nets whose spread is drawn at the start, a power of two from 64 to
	// 65,536, to the nearest; 0 is 1024.
	Width int
	// Idle ends the cell when nothing was touched for that long; 0 is 15 minutes.
	Idle time.Duration
}

// Origin is a kernel that the sliders can be set from: to the nearest polynomial of their degree.
type Origin struct {
	Name string
	// Kernel returns it for the sliders "depth", from 1 to 5, and "length", from 0.5 to 3.
	Kernel func(depth int, length float64) (ntk.Kernel, error)
}

const (
	least, most, step       = -0.5, 3, 0.01 // of a coefficient
	fewestUnits, mostUnits  = 6, 16         // log₂ of the width
	minLength, maxLength    = 0.5, 3
	maxDepth, startingDepth = 5, 4
	maxCoeffs               = 12
)

// Run shows the cell and serves it until it ends; see the package. Outside a notebook it makes the
// view of the start alone, for its errors. Coefficients that no slider has and origins without a
// name or a kernel are an error, which ends the cell of a notebook.
func Run(settings Settings) error {
	s, err := settings.complete()
	if err != nil {
		// At its end, live.Run ends the cell with what is wrong, where an error would pass unseen.
		ended, end := context.WithCancel(context.Background())
		end()
		fails := func(map[string]float64, string) (live.View, error) { return live.View{}, err }
		return live.Run(ended, []live.Control{live.Button{Name: "none"}}, fails, nil)
	}
	d := newDesk(s)
	return live.Run(context.Background(), d.controls(), d.view, &live.Options{IdleLimit: s.Idle})
}

// complete returns the settings with their defaults.
func (s Settings) complete() (Settings, error) {
	if len(s.Coeffs) == 0 {
		s.Coeffs = []float64{0.7, 0.3, 0.25, 0.2, 0.3, 0.25}
	}
	if len(s.Coeffs) < 2 || len(s.Coeffs) > maxCoeffs {
		return s, fmt.Errorf("designer: %d coefficients; from 2 to %d have room", len(s.Coeffs),
			maxCoeffs)
	}
	for k, a := range s.Coeffs {
		if !special.Finite(a) || a < least || a > most {
			return s, fmt.Errorf("designer: coefficient a_%d is %v; its slider goes from %v to %v",
				k, a, least, most)
		}
	}
	if s.Width == 0 {
		s.Width = 1024
	}
	if s.Width < 1<<fewestUnits || s.Width > 1<<mostUnits {
		return s, fmt.Errorf("designer: width %d; it must be from %d to %d", s.Width,
			1<<fewestUnits, 1<<mostUnits)
	}
	if s.Idle < 0 {
		return s, fmt.Errorf("designer: Idle is %v; it must be positive, or 0 for 15 minutes",
			s.Idle)
	}
	for i, o := range s.Origins {
		if o.Name == "" || o.Kernel == nil {
			return s, fmt.Errorf("designer: origin %d (%q) lacks a name or a kernel", i+1, o.Name)
		}
	}
	if len(s.Origins) == 0 {
		s.Origins = origins()
	}
	s.Origins = append([]Origin{{Name: "the coefficients"}}, s.Origins...)
	return s, nil
}

func origins() []Origin {
	net := func(phi ntk.Activation) func(int, float64) (ntk.Kernel, error) {
		return func(depth int, _ float64) (ntk.Kernel, error) {
			arch, err := ntk.UniformFCN(depth, phi, math.Sqrt2, 0.1)
			if err != nil {
				return ntk.Kernel{}, err
			}
			return arch.NTK()
		}
	}
	return []Origin{
		{"NTK of a ReLU net", net(ntk.ReLU{})},
		{"NTK of an erf net", net(ntk.Erf{})},
		{"Gaussian", func(_ int, length float64) (ntk.Kernel, error) {
			return ntk.GaussianKernel(length)
		}},
		{"Laplace", func(_ int, length float64) (ntk.Kernel, error) {
			return ntk.LaplaceKernel(length)
		}},
		{"cosh c/length", func(_ int, length float64) (ntk.Kernel, error) {
			cosh := func(c float64) float64 { return math.Cosh(c / length) }
			return ntk.FromFunc(fmt.Sprintf("cosh c/%g", length), cosh)
		}},
	}
}

// errNoForm is said where a fit is asked for and no form is chosen.
var errNoForm = errors.New("choose a formula to be fitted")
