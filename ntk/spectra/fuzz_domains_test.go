package spectra_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/fuzzinput"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"gonum.org/v1/gonum/mat"
)

// Eigenvalues on every domain, of kernels with any numbers: none is negative beyond its error, and
// together they are K(1).
func FuzzDomains(f *testing.F) {
	f.Add(fuzzinput.Bytes(0.5, 0.25, 0.25), byte(0), uint16(3), byte(5), 10.0, 0.1)
	f.Add(fuzzinput.Bytes(1, 0, 0, 1e-9), byte(1), uint16(64), byte(20), 1.0, 0.0)
	f.Add(fuzzinput.Bytes(1e300, 1e-300), byte(2), uint16(100), byte(9), 0.5, 1e300)
	f.Add(fuzzinput.Bytes(1), byte(3), uint16(1), byte(0), 1e9, 0.0)
	f.Add(fuzzinput.Bytes(2, 0.3), byte(4), uint16(2), byte(30), 1e-9, -1.0)
	f.Fuzz(func(t *testing.T, b []byte, kind byte, size uint16, degree byte, n, ridge float64) {
		v := fuzzinput.Numbers(b, 8)
		K, ok := kernelFor(v, kind)
		if !ok {
			return
		}
		var s *spectra.Spectrum
		var err error
		switch kind / 8 % 3 {
		case 0:
			s, err = spectra.Sphere{Dim: int(size)}.Spectrum(K, int(degree%40))
		case 1:
			s, err = spectra.Circle{Points: int(size)}.Spectrum(K, int(degree%40))
		default:
			s, err = spectra.Hypercube{Dim: int(size) % 110}.Spectrum(K)
		}
		if err != nil {
			return
		}
		one, err := K.Curve([]float64{1})
		if err != nil {
			return
		}
		sum, errors := s.Tail, 0.0
		for _, l := range s.Levels {
			if math.IsNaN(l.Eigenvalue) || l.Eigenvalue < -l.Error-1e-12*one[0] ||
				!(l.Multiplicity >= 1) || math.IsNaN(l.Error) {
				t.Errorf("%v on %d, kind %d: level %+v", K, size, kind, l)
			}
			sum += l.Multiplicity * l.Eigenvalue
			errors += l.Multiplicity * l.Error
		}
		if !(math.Abs(sum-one[0]) <= 1e-9*one[0]+errors) {
			t.Errorf("%v on %d, kind %d: the sum is %v, K(1) %v", K, size, kind, sum, one[0])
		}
		checkLearning(t, s, n, ridge)
	})
}

func kernelFor(v []float64, kind byte) (ntk.Kernel, bool) {
	a := 1.0
	if len(v) > 0 {
		a = v[0]
	}
	var K ntk.Kernel
	var err error
	switch kind % 8 {
	case 0, 1, 2:
		var p ntk.PowerSeries
		if p, err = ntk.NewPowerSeries(v); err == nil {
			K, err = p.Kernel()
		}
	case 3:
		K, err = ntk.GaussianKernel(a)
	case 4:
		K, err = ntk.LaplaceKernel(a)
	case 5:
		K, err = ntk.FromFunc("f", func(c float64) float64 { return 1 + a*c })
		if a < 0 || a > 1 {
			return K, false // no kernel
		}
	case 6:
		K, err = ntk.ArcCosineKernel(int(fuzzinput.Within(12, math.Abs(a))))
	default:
		K, err = ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.2, 0.1)).NTK()
	}
	return K, err == nil
}

func checkLearning(t *testing.T, s *spectra.Spectrum, n, ridge float64) {
	t.Helper()
	target := spectra.Target{Power: make([]float64, len(s.Levels)), Noise: 0.1}
	for i := range target.Power {
		target.Power[i] = 1 / float64(i+1)
	}
	l, err := s.Learn(target, n, ridge)
	if err == nil {
		if !(l.TestMSE >= 0) || math.IsNaN(l.Kappa) || !(l.Overfitting >= 1) ||
			!(l.TrainMSE >= 0) {
			t.Errorf("n = %v, ridge %v: %+v", n, ridge, *l)
		}
		for _, x := range l.Learnability {
			if !(x >= 0 && x <= 1) {
				t.Errorf("n = %v, ridge %v: learnabilities %v", n, ridge, l.Learnability)
			}
		}
	}
	if best, with, err := s.BestRidge(target, n, math.Inf(1)); err == nil {
		if math.IsNaN(best) || best < 0 || with == nil ||
			l != nil && with.TestMSE > l.TestMSE*(1+1e-9) {
			t.Errorf("n = %v: best ridge %v, %+v, with %v %+v", n, best, with, ridge, l)
		}
	}
	if l, err := s.LearnFeatures(target, n, 2*n+1, ridge); err == nil && !(l.TestMSE >= 0) {
		t.Errorf("n = %v, ridge %v: with features %+v", n, ridge, *l)
	}
}

// Eigenvalues of any matrix, and what data and targets of any numbers are said to be.
func FuzzGramSpectrum(f *testing.F) {
	f.Add(fuzzinput.Bytes(1, 0.5, 0.5, 1), byte(2), byte(0), 1e-9)
	f.Add(fuzzinput.Bytes(1, 2, 3, 4, 5, 6, 7, 8, 9), byte(3), byte(1), 0.0)
	f.Add(fuzzinput.Bytes(1e300, 1e-300, 1, 2), byte(1), byte(2), 1.0)
	f.Add(fuzzinput.Bytes(0, 0, 0, math.NaN()), byte(2), byte(3), math.NaN())
	f.Fuzz(func(t *testing.T, b []byte, columns, kind byte, tolerance float64) {
		v := fuzzinput.Numbers(b, 36)
		d := 1 + int(columns)%6
		n := len(v) / d
		if n == 0 {
			return
		}
		x := mat.NewDense(n, d, v[:n*d])
		gram := mat.NewDense(n, n, nil)
		gram.Mul(x, x.T())
		if kind&1 != 0 && n >= d {
			gram = mat.DenseCopyOf(x.Slice(0, d, 0, d)) // hardly ever one of a kernel
		}
		s, err := spectra.Gram(t.Context(), ntk.MatrixTiles(gram), spectra.GramSettings{
			Top: int(kind / 64), Vectors: kind&2 != 0, Tolerance: tolerance})
		if err == nil {
			sum := s.Tail
			for i, l := range s.Levels {
				if !(l.Eigenvalue >= 0) || i > 0 && l.Eigenvalue > s.Levels[i-1].Eigenvalue {
					t.Errorf("%v: levels %+v", gram, s.Levels)
				}
				sum += l.Eigenvalue
			}
			rows, _ := gram.Dims()
			if want := mat.Trace(gram) / float64(rows); !(math.Abs(sum-want) <= 1e-9*want) {
				t.Errorf("%v: eigenvalues sum to %v, want %v", gram, sum, want)
			}
		}
		if m, err := spectra.MeasureData(x); err == nil {
			checkStatistics(t, x, m)
		}
		if e, err := spectra.DataTarget(x, x); err == nil && math.IsNaN(e.Noise) {
			t.Errorf("%v: %+v", x, *e)
		}
	})
}

func checkStatistics(t *testing.T, x *mat.Dense, m *spectra.DataStatistics) {
	t.Helper()
	sum := 0.0
	for i, g := range m.Variances {
		sum += g
		if !(g > 0) || i > 0 && g > m.Variances[i-1] {
			t.Errorf("%v: variances %v", x, m.Variances)
		}
	}
	if math.Abs(sum-m.Norm2) > 1e-9*sum || !(m.EffectiveDim >= 1-1e-9) ||
		m.EffectiveDim > float64(len(m.Variances))*(1+1e-9) || math.IsNaN(m.NormSpread) {
		t.Errorf("%v: norm² %v, variances %v, effective dimension %v, spread %v", x, m.Norm2,
			m.Variances, m.EffectiveDim, m.NormSpread)
	}
	for i, k := range m.Kurtosis {
		if !(k >= 1-1e-9) || !(k >= m.Skewness[i]*m.Skewness[i]-1e-6*k) {
			t.Errorf("%v: skewness %v, kurtosis %v", x, m.Skewness, m.Kurtosis)
		}
	}
}
