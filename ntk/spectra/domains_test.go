package spectra_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
)

// reference is the eigenvalues of a kernel on a domain, from testdata.
type reference struct {
	Domain      string
	Size        int
	Kernel      string
	Eigenvalues []float64
}

func references(t *testing.T, name string) []reference {
	t.Helper()
	var file struct{ Cases []reference }
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err == nil {
		err = json.Unmarshal(raw, &file)
	}
	if err != nil || len(file.Cases) == 0 {
		t.Fatalf("%s: %v, %d cases", name, err, len(file.Cases))
	}
	return file.Cases
}

// kernels are those of the references, by their names there.
func kernels() map[string]ntk.Kernel {
	return map[string]ntk.Kernel{
		"gaussian_s1":   ntk.Must(ntk.GaussianKernel(1)),
		"gaussian_s0.5": ntk.Must(ntk.GaussianKernel(math.Sqrt(0.5))),
		"relu4_ntk":     deepReLU(),
		"c3":            ntk.Must(ntk.PolynomialKernel(3, 0)),
		"laplace_s1":    ntk.Must(ntk.LaplaceKernel(1)),
	}
}

func spectrumOn(t *testing.T, r reference, K ntk.Kernel) *spectra.Spectrum {
	t.Helper()
	var s *spectra.Spectrum
	var err error
	switch degree := len(r.Eigenvalues) - 1; r.Domain {
	case "sphere":
		s, err = spectra.Sphere{Dim: r.Size}.Spectrum(K, degree)
	case "circle":
		s, err = spectra.Circle{Points: r.Size}.Spectrum(K, degree)
	case "hypercube":
		s, err = spectra.Hypercube{Dim: r.Size}.Spectrum(K)
	}
	if err != nil {
		t.Fatalf("%s %d, %v: %v", r.Domain, r.Size, K, err)
	}
	return s
}

func TestAgainstReferences(t *testing.T) {
	for _, r := range references(t, "spectra.json") {
		K := kernels()[r.Kernel]
		top := ntk.Must(K.Curve([]float64{1}))[0]
		for _, K := range []ntk.Kernel{K, byValuesAlone(K)} {
			s := spectrumOn(t, r, K)
			var worst, worstAll, worstErr float64
			for k, want := range r.Eigenvalues {
				l := s.Levels[k]
				off := math.Abs(l.Eigenvalue - want)
				if want > 1e-14*top {
					worst = math.Max(worst, off/want)
				}
				if want > 0 {
					worstAll = math.Max(worstAll, off/want)
				}
				worstErr = math.Max(worstErr, off/l.Error)
			}
			t.Logf("%s %d %v: %.2g (all %.2g), of stated error %.2g", r.Domain, r.Size, K, worst, worstAll, worstErr)
		}
	}
}
