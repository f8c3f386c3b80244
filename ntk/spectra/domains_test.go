package spectra_test

import (
	"encoding/json"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"gonum.org/v1/gonum/mat"
)

// reference is the eigenvalues of a kernel on a domain, from testdata.
type reference struct {
	Domain      string
	Size        int
	Kernel      string
	Degrees     []int // of the eigenvalues, where not 0, 1, …
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
		"matern32":      ntk.Must(ntk.MaternKernel(1, 1)),
		"erf2_ntk":      netNTK(2, ntk.Erf{}, 1.5, 0.3),
		"half_sin6_ntk": halfSin(6),
		"mimic_ntk":     netNTK(1, ntk.PublishedMimic(), 1, 0),
		"kink": ntk.Must(ntk.FromFunc("kink", func(c float64) float64 {
			return math.Abs(c - 0.3)
		})),
		"jump": ntk.Must(ntk.FromFunc("jump", func(c float64) float64 {
			if c > 0.3 {
				return 1
			}
			return 0
		})),
	}
}

func spectrumOn(t *testing.T, r reference, K ntk.Kernel) *spectra.Spectrum {
	t.Helper()
	var s *spectra.Spectrum
	var err error
	degree := len(r.Eigenvalues) - 1
	if r.Degrees != nil {
		degree = r.Degrees[degree]
	}
	switch r.Domain {
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

// TestAgainstReferences compares all levels with the errors stated, and the kernels with series
// with what is claimed for these: 1e-12 of K(1), and 1e-8 of eigenvalues above 1e-14 of K(1).
func TestAgainstReferences(t *testing.T) {
	for _, name := range []string{"spectra.json", "sphere50.json"} {
		worst := map[string]float64{}
		for _, r := range references(t, name) {
			K, ok := kernels()[r.Kernel]
			if !ok {
				t.Fatalf("%s: kernel %q", name, r.Kernel)
			}
			top := ntk.Must(K.Curve([]float64{1}))[0]
			for _, values := range []bool{false, true} {
				if values {
					K = byValuesAlone(K)
				}
				s := spectrumOn(t, r, K)
				for i, want := range r.Eigenvalues {
					k := i
					if r.Degrees != nil {
						k = r.Degrees[i]
					}
					l := s.Levels[k]
					off := math.Abs(l.Eigenvalue - want)
					doubt := l.Error
					if values && r.Kernel == "half_sin6_ntk" {
						doubt *= 4 // its values have e^-36 in them, of which nothing is known then
					}
					if off > doubt+1e-45*top || off > 1e-12*top {
						t.Errorf("%s %d, %v, degree %d: %v, want %v; off %.2g, said to be %.2g",
							r.Domain, r.Size, K, k, l.Eigenvalue, want, off, l.Error)
					}
					if want > 1e-14*top && !values && k <= 100 {
						at := r.Domain + " " + r.Kernel
						worst[at] = math.Max(worst[at], off/want)
					}
				}
			}
		}
		for at, v := range worst {
			if t.Logf("%s: %.2g", at, v); v > 1e-8 {
				t.Errorf("%s: an eigenvalue is off by %.2g of itself", at, v)
			}
		}
	}
}

// Levels with their multiplicities and the tail sum to K(1), in whichever way they were found.
func TestLevelsSumToTop(t *testing.T) {
	for name, K := range kernels() {
		top := ntk.Must(K.Curve([]float64{1}))[0]
		for _, domain := range []func() (*spectra.Spectrum, error){
			func() (*spectra.Spectrum, error) { return spectra.Sphere{Dim: 3}.Spectrum(K, 7) },
			func() (*spectra.Spectrum, error) { return spectra.Sphere{Dim: 10}.Spectrum(K, 100) },
			func() (*spectra.Spectrum, error) { return spectra.Sphere{Dim: 1000}.Spectrum(K, 5) },
			func() (*spectra.Spectrum, error) { return spectra.Circle{}.Spectrum(K, 50) },
			func() (*spectra.Spectrum, error) { return spectra.Circle{Points: 64}.Spectrum(K, 9) },
			func() (*spectra.Spectrum, error) { return spectra.Circle{Points: 33}.Spectrum(K, 99) },
		} {
			s, err := domain()
			if err != nil {
				t.Fatal(err)
			}
			sum, doubt := s.Tail, 1e-13*top
			for _, l := range s.Levels {
				sum += l.Multiplicity * l.Eigenvalue
				doubt += l.Multiplicity * (l.Error + 0x1p-52*math.Abs(l.Eigenvalue))
			}
			if math.Abs(sum-top) > doubt {
				t.Errorf("%s: levels and tail sum to %v, K(1) = %v", name, sum, top)
			}
			if s.Tail < 0 && name != "kink" && name != "jump" {
				t.Errorf("%s: tail %v", name, s.Tail)
			}
		}
	}
}

// The tail of a kernel with a fast series is right beside itself: on the circle the coefficient of
// cos kθ in e^{cos θ - 1} is 2 e^{-1} I_k(1).
func TestTailHasDigits(t *testing.T) {
	s := ntk.Must(spectra.Circle{}.Spectrum(ntk.Must(ntk.GaussianKernel(1)), 20))
	want := 0.0
	for k := 60; k > 20; k-- {
		term, sum := 1.0, 0.0 // I_k(1) = Σ (1/2)^{2m+k}/(m! (m+k)!)
		for i := 1; i <= k; i++ {
			term /= 2 * float64(i)
		}
		for m := 1; m < 20; m++ {
			sum += term
			term /= 4 * float64(m) * float64(m+k)
		}
		want += 2 * sum / math.E
	}
	if math.Abs(s.Tail/want-1) > 1e-12 {
		t.Errorf("tail beyond degree 20: %v, want %v", s.Tail, want)
	}
}

func TestMultiplicities(t *testing.T) {
	K := ntk.Must(ntk.GaussianKernel(1))
	for _, c := range []struct {
		dim, degree int
		want        float64
	}{{2, 0, 1}, {2, 7, 2}, {3, 100, 201}, {4, 30, 961}, {5, 2, 14}, {10, 3, 210},
		{100, 4, 4_416_225}, {1000, 5, 8416791583200}} {
		s := ntk.Must(spectra.Sphere{Dim: c.dim}.Spectrum(K, c.degree))
		if got := s.Levels[c.degree].Multiplicity; got != c.want {
			t.Errorf("degree %d in %d dimensions: %.0f times, want %.0f", c.degree, c.dim, got,
				c.want)
		}
	}
	for points, want := range map[int][]float64{1: {1}, 2: {1, 1}, 3: {1, 2}, 4: {1, 2, 1}} {
		for k, l := range ntk.Must(spectra.Circle{Points: points}.Spectrum(K, 9)).Levels {
			if l.Multiplicity != want[k] {
				t.Errorf("%d points, frequency %d: %v times", points, k, l.Multiplicity)
			}
		}
	}
}

// Noise in values, as in a kernel that is measured, is within the error stated.
func TestNoisyValues(t *testing.T) {
	clean := ntk.Must(ntk.LaplaceKernel(1))
	const noise = 1e-5
	K := ntk.Must(ntk.FromFunc("noisy", func(c float64) float64 {
		return ntk.Must(clean.Curve([]float64{c}))[0] + noise*math.Sin(1e9*c)
	}))
	for _, dim := range []int{2, 3, 20} {
		want := ntk.Must(spectra.Sphere{Dim: dim}.Spectrum(clean, 20))
		for k, l := range ntk.Must(spectra.Sphere{Dim: dim}.Spectrum(K, 20)).Levels {
			off := math.Abs(l.Eigenvalue - want.Levels[k].Eigenvalue)
			least := 1e-3 * noise / math.Sqrt(l.Multiplicity)
			if off > l.Error || l.Error > 10*noise || l.Error < least {
				t.Errorf("d = %d, degree %d: off by %.2g, said to be %.2g", dim, k, off, l.Error)
			}
		}
	}
}

// A product's levels are those of the Gram matrix of all pairs.
func TestProduct(t *testing.T) {
	K, L := ntk.Must(ntk.LaplaceKernel(1)), deepReLU()
	a := ntk.Must(spectra.Circle{Points: 6}.Spectrum(K, 6))
	b := ntk.Must(spectra.Hypercube{Dim: 3}.Spectrum(L))
	got := ntk.Must(spectra.Product(a, b))
	var values []float64
	var sum float64
	for i, l := range got.Levels {
		if i > 0 && l.Eigenvalue > got.Levels[i-1].Eigenvalue {
			t.Errorf("level %d is larger than the one before", i)
		}
		for range int(l.Multiplicity) {
			values = append(values, l.Eigenvalue)
		}
		sum += l.Multiplicity * l.Eigenvalue
	}
	if len(values) != 48 {
		t.Fatalf("%d eigenvalues, want 48", len(values))
	}
	gram := mat.NewSymDense(48, nil)
	for i := range 48 {
		for j := range i + 1 {
			angle := math.Cos(2 * math.Pi * float64(i/8-j/8) / 6)
			differ := float64(bits.OnesCount(uint((i % 8) ^ (j % 8))))
			gram.SetSym(i, j, ntk.Must(K.Curve([]float64{angle}))[0]*
				ntk.Must(L.Curve([]float64{1 - 2*differ/3}))[0]/48)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, false) {
		t.Fatal("no eigenvalues")
	}
	for i, want := range eigen.Values(nil) {
		if math.Abs(values[47-i]-want) > 1e-14 {
			t.Errorf("eigenvalue %d: %v, want %v", i, values[47-i], want)
		}
	}
	// Tails are parts of the trace.
	part := ntk.Must(spectra.Product(ntk.Must(spectra.Circle{Points: 6}.Spectrum(K, 1)), b))
	rest := part.Tail
	for _, l := range part.Levels {
		rest += l.Multiplicity * l.Eigenvalue
	}
	if math.Abs(rest-sum) > 1e-13 || part.Tail < 0.01 {
		t.Errorf("levels and tail sum to %v, want %v", rest, sum)
	}
	for _, bad := range []*spectra.Spectrum{nil, {}, {Levels: []spectra.Level{{
		Eigenvalue: math.NaN(), Multiplicity: 1}}}} {
		if _, err := spectra.Product(a, bad); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

func TestDomainsBadInput(t *testing.T) {
	K := ntk.Must(ntk.GaussianKernel(1))
	wild := ntk.Must(ntk.FromFunc("wild", func(c float64) float64 {
		if c > 0.905 && c < 0.906 {
			return math.NaN()
		}
		return c
	}))
	for name, c := range map[string]struct {
		of   func(K ntk.Kernel, degree int) (*spectra.Spectrum, error)
		K    ntk.Kernel
		k    int
		want string
	}{
		"no sphere":     {spectra.Sphere{}.Spectrum, K, 3, "Sphere.Dim is 0"},
		"two points":    {spectra.Sphere{Dim: 1}.Spectrum, K, 3, "Sphere.Dim is 1"},
		"high":          {spectra.Sphere{Dim: 2_000_000}.Spectrum, K, 3, "Sphere.Dim"},
		"negative":      {spectra.Sphere{Dim: 3}.Spectrum, K, -1, "degree is -1"},
		"high degree":   {spectra.Sphere{Dim: 3}.Spectrum, K, 1001, "degree is 1001"},
		"multiplicity":  {spectra.Sphere{Dim: 3072}.Spectrum, K, 300, "multiplicity"},
		"no kernel":     {spectra.Sphere{Dim: 3}.Spectrum, ntk.Kernel{}, 3, "zero Kernel"},
		"not finite":    {spectra.Sphere{Dim: 3}.Spectrum, wild, 900, "wild"},
		"points":        {spectra.Circle{Points: -1}.Spectrum, K, 3, "Circle.Points is -1"},
		"many points":   {spectra.Circle{Points: 1 << 23}.Spectrum, K, 3, "Circle.Points"},
		"frequency":     {spectra.Circle{Points: 8}.Spectrum, K, -1, "degree is -1"},
		"whole circle":  {spectra.Circle{}.Spectrum, K, 1001, "degree is 1001"},
		"NaN on points": {spectra.Circle{Points: 20_000}.Spectrum, wild, 3, "wild"},
	} {
		if _, err := c.of(c.K, c.k); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}
