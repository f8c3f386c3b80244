//go:build verify

package data

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/mat"

	"github.com/kernelsmith/kernelsmith/internal/jmlr"
)

// These tests read the published files:
//
//	KERNELSMITH_DATA=folder go test -tags verify ./data/...
//
// The folder holds jmlr/<set>.

func published(t *testing.T) {
	t.Helper()
	root := os.Getenv("KERNELSMITH_DATA")
	if root == "" {
		t.Fatal("KERNELSMITH_DATA is not set; it must name the folder that holds jmlr/<set>")
	}
	if _, err := os.Stat(filepath.Join(root, "jmlr")); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyAllSets(t *testing.T) {
	published(t)
	for _, set := range jmlr.Sets() {
		ds, err := LoadJMLR(set, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		n, _ := ds.Dims()
		if len(ds.Split.Train) != (n+1)/2 || len(ds.Split.Test) != n/2 || len(ds.Folds) != 4 {
			t.Errorf("%s: %d rows, split %d and %d, %d folds", set, n, len(ds.Split.Train),
				len(ds.Split.Test), len(ds.Folds))
		}
		if slices.Contains(ds.ClassCounts(), 0) {
			t.Errorf("%s: class counts %v", set, ds.ClassCounts())
		}
		// No row of any set is zero after standardisation.
		for _, norm := range []Normalization{MeanNorm{}, Sphere{}, Sphere{PerFeature: true}} {
			if _, err := Prepare(ds, *ds.Split, norm); err != nil {
				t.Error(err)
			}
		}
	}
	found, err := FoundJMLR()
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range jmlr.Sets() {
		if !slices.Contains(found, set) {
			t.Errorf("%s is not among the sets found", set)
		}
	}
}

func TestVerifyWineQualityRed(t *testing.T) {
	published(t)
	ds, err := LoadJMLR("wine-quality-red", nil)
	if err != nil {
		t.Fatal(err)
	}
	n, d := ds.Dims()
	if n != 1599 || d != 11 || ds.Classes != 6 {
		t.Errorf("%d×%d, %d classes", n, d, ds.Classes)
	}
	if diff := cmp.Diff([]int{10, 53, 681, 638, 199, 18}, ds.ClassCounts()); diff != "" {
		t.Error(diff)
	}
	p, err := Prepare(ds, *ds.Split, MeanNorm{})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := len(p.LabelsTrain), len(p.LabelsTest); a != 800 || b != 799 {
		t.Errorf("%d training and %d test rows", a, b)
	}
	for _, part := range parts(p.XTrain, p.XTest) {
		rows, _ := part.x.Dims()
		var mean float64
		for i := range rows {
			mean += mat.Norm(part.x.RowView(i), 2) / float64(rows)
		}
		if math.Abs(mean-math.Sqrt(11)) > 1e-12 {
			t.Errorf("%s: mean norm %v, want √11", part.name, mean)
		}
	}
	// ‖x‖²/d of the training rows: published range 0.14 to 16.5, 5 % at 0.30
	// and 95 % at 2.99, to the digits given.
	square := make([]float64, 800)
	for i := range square {
		l := mat.Norm(p.XTrain.RowView(i), 2)
		square[i] = l * l / 11
	}
	slices.Sort(square)
	// Quantiles interpolate linearly between order statistics.
	quantile := func(q float64) float64 {
		k, f := math.Modf(q * 799)
		if f == 0 {
			return square[int(k)]
		}
		return (1-f)*square[int(k)] + f*square[int(k)+1]
	}
	for _, test := range []struct{ q, want, tol float64 }{{0, .14, .005}, {.05, .30, .005},
		{.95, 2.99, .005}, {1, 16.5, .05}} {
		if got := quantile(test.q); math.Abs(got-test.want) > test.tol {
			t.Errorf("‖x‖²/d: quantile %v is %v, published %v", test.q, got, test.want)
		}
	}
}
