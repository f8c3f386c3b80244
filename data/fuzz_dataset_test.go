package data_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/internal/fuzzinput"
	"gonum.org/v1/gonum/mat"
)

// Data sets of any numbers and labels, split and normalised: an error, or rows that are finite, of
// the norm that was asked for, and each in one part.
func FuzzPrepare(f *testing.F) {
	f.Add(fuzzinput.Bytes(1, 2, 3, 4, 5, 6, 7, 8), []byte{0, 1, 0, 1}, byte(2), byte(0), 0.5)
	f.Add(fuzzinput.Bytes(1, 1, 1, 1), []byte{0, 0}, byte(1), byte(1), 0.0)
	f.Add(fuzzinput.Bytes(0, 0, 1e300, 1e-300), []byte{1, 0, 2, 200}, byte(0), byte(3), 1.0)
	f.Add(fuzzinput.Bytes(math.NaN(), 5e-324, 1, 2), []byte{0, 1}, byte(1), byte(4), math.NaN())
	f.Fuzz(func(t *testing.T, b, classes []byte, columns, kind byte, fraction float64) {
		v := fuzzinput.Numbers(b, 60)
		d := 1 + int(columns)%4
		n := len(v) / d
		if n == 0 {
			return
		}
		var labels []int
		for _, c := range classes {
			labels = append(labels, int(c)-int(columns)/64)
		}
		ds, err := data.New("own", mat.NewDense(n, d, v[:n*d]), labels, 1+int(kind)/16)
		if err != nil {
			return
		}
		if err := ds.Validate(); err != nil {
			t.Fatalf("New returned a data set that is not valid: %v", err)
		}
		half, err := ds.HalfSplit(uint64(kind))
		if err != nil {
			return
		}
		split, err := ds.StratifiedSplit(fraction, uint64(kind))
		if err != nil {
			split = half
		}
		seen := make([]int, n)
		for _, i := range append(append([]int(nil), split.Train...), split.Test...) {
			seen[i]++
		}
		for i, k := range seen {
			if k != 1 {
				t.Errorf("row %d is in the split %+v %d times", i, split, k)
			}
		}
		norms := []data.Normalization{data.MeanNorm{}, data.Sphere{}, data.Standardize{},
			data.Unnormalized{}, data.SphereAbout{}}
		norm := norms[int(kind)%len(norms)]
		p, err := data.Prepare(ds, split, norm)
		if err != nil {
			return
		}
		checkPrepared(t, p, norm, d)
		if again, err := data.Prepare(ds, split, norm); err != nil ||
			again.Fingerprint() != p.Fingerprint() {
			t.Errorf("another fingerprint the second time, %v", err)
		}
		if a, err := ds.Audit(split, norm); err == nil && a == nil {
			t.Error("neither an audit nor an error")
		}
		pairs, err := ds.NearDuplicates(split, math.Abs(fraction))
		for _, pair := range pairs {
			if err == nil && !(pair.Distance > 0 && pair.Distance <= math.Abs(fraction) &&
				pair.First >= 0 && pair.First < pair.Second && pair.Second < n) {
				t.Errorf("%+v within %v of %d rows", pair, fraction, n)
			}
		}
	})
}

func checkPrepared(t *testing.T, p *data.Prepared, norm data.Normalization, d int) {
	t.Helper()
	for _, x := range []*mat.Dense{p.XTrain, p.XTest} {
		rows, columns := x.Dims()
		for i := range rows {
			sum := 0.0
			for j := range columns {
				v := x.At(i, j)
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("%v: row %d is %v", norm, i, mat.Row(nil, i, x))
				}
				sum += v * v
			}
			if _, sphere := norm.(data.Sphere); sphere && columns == d &&
				math.Abs(sum-float64(d)) > 1e-9*float64(d) {
				t.Errorf("%v: row %d has the squared norm %v, of %d features", norm, i, sum, d)
			}
		}
	}
}
