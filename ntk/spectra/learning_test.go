package spectra_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
)

// eigenCase is a case of testdata/eigenlearning.json: eigenvalues and powers are lists, or the
// names of power laws.
type eigenCase struct {
	Spectrum, Target string
	Eigenvalues      json.RawMessage
	Multiplicities   json.RawMessage
	Power            json.RawMessage `json:"v2_per_level"`
	Modes            json.RawMessage `json:"learnability_modes"`
	Ridge            float64
	Noise            float64 `json:"noise_var"`
	Rows             []struct {
		N, Kappa          float64
		Learnability      []float64
		Overfit           float64 `json:"overfit_coefficient_E0"`
		TestMSE           float64 `json:"test_mse"`
		TrainMSE          float64 `json:"train_mse"`
		TotalLearnability float64 `json:"sum_learnability"`
	}
}

// numbers is a list in JSON, or nil for a name.
func numbers(raw json.RawMessage) []float64 {
	var out []float64
	if json.Unmarshal(raw, &out) != nil {
		return nil
	}
	return out
}

func (c eigenCase) setting(t *testing.T) (*spectra.Spectrum, spectra.Target) {
	lambda, m, power := numbers(c.Eigenvalues), numbers(c.Multiplicities), numbers(c.Power)
	if lambda == nil {
		if c.Spectrum != "powerlaw i^-1.5, i=1..400" {
			t.Fatalf("spectrum %q", c.Spectrum)
		}
		lambda, m, power = make([]float64, 400), make([]float64, 400), make([]float64, 400)
		var sum float64
		for i := range lambda {
			lambda[i], m[i] = math.Pow(float64(i+1), -1.5), 1
			sum += math.Pow(float64(i+1), -2)
		}
		switch c.Target {
		case "mode1":
			power[0] = 1
		case "mode10":
			power[9] = 1
		default:
			for i := range power {
				power[i] = math.Pow(float64(i+1), -2) / sum
			}
		}
	}
	s := new(spectra.Spectrum)
	for i := range lambda {
		s.Levels = append(s.Levels, spectra.Level{Degree: i, Eigenvalue: lambda[i],
			Multiplicity: m[i]})
	}
	return s, spectra.Target{Power: power, Noise: c.Noise}
}

func load(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// References by mpmath at 80 digits, of which the file has those of a float.
func TestLearnGolden(t *testing.T) {
	var file struct{ Eigenlearning []eigenCase }
	load(t, "eigenlearning.json", &file)
	var worst float64
	rows := 0
	for _, c := range file.Eigenlearning {
		s, target := c.setting(t)
		modes := numbers(c.Modes)
		for _, want := range c.Rows {
			rows++
			got := ntk.Must(s.Learn(target, want.N, c.Ridge))
			check := func(what string, got, want float64) {
				off := math.Abs(got-want) / math.Max(math.Abs(want), 1e-300)
				worst = max(worst, off)
				if off > 1e-12 {
					t.Errorf("%s, %s, ridge %v, noise %v: %s = %v, want %v", c.Spectrum, c.Target,
						c.Ridge, c.Noise, what, got, want)
				}
			}
			check("κ", got.Kappa, want.Kappa)
			check("E_0", got.Overfitting, want.Overfit)
			check("test", got.TestMSE, want.TestMSE)
			check("train", got.TrainMSE, want.TrainMSE)
			check("Σ L", got.TotalLearnability, want.TotalLearnability)
			for i, l := range want.Learnability {
				at := i
				if modes != nil {
					at = int(modes[i]) - 1
				}
				check("L", got.Learnability[at], l)
			}
		}
	}
	t.Logf("%d cases, %d rows, largest relative error %.1e", len(file.Eigenlearning), rows, worst)
	if rows < 300 {
		t.Errorf("%d rows", rows)
	}
}
