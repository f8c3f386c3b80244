//go:build verify

package data

import (
	"errors"
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
// The folder holds jmlr/<set>, mnist, fashion-mnist, and cifar-10-batches-bin with the first
// training batch and the test batch at least.

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

// What is known of the images from elsewhere: first labels, sums of all pixels, as Python adds them
// up, and the means and deviations that PyTorch's examples have.
func TestVerifyImages(t *testing.T) {
	published(t)
	for _, test := range []struct {
		load       func() (*Dataset, error)
		train, d   int
		first      []int // of the training rows, then of the test rows
		sums       [2]int
		mean, std  float64 // of the training rows over 255, to four places
		perClass   []int   // of the training rows
		constant   int
		varyInTest int
	}{
		{MNIST, 60000, 784, []int{5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 7, 2, 1, 0, 4, 1, 4, 9, 5, 9},
			[2]int{1567298545, 264923200}, .1307, .3081,
			[]int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}, 67, 2},
		{FashionMNIST, 60000, 784,
			[]int{9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 9, 2, 1, 1, 6, 1, 4, 6, 5, 7},
			[2]int{3431114169, 573469082}, .2860, .3530, slices.Repeat([]int{6000}, 10), 0, 0},
		{func() (*Dataset, error) { return CIFAR10(10000) }, 10000, 3072,
			[]int{6, 9, 9, 4, 1, 1, 2, 7, 8, 3, 3, 8, 8, 0, 6, 6, 1, 6, 3, 1},
			[2]int{3718380578, 3733375634}, 0, 0,
			[]int{1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981}, 0, 0},
	} {
		ds, err := test.load()
		if err != nil {
			t.Error(err)
			continue
		}
		if n, d := ds.Dims(); n != test.train+10000 || d != test.d || ds.Classes != 10 ||
			len(ds.Split.Train) != test.train || ds.Split.Test[0] != test.train {
			t.Errorf("%s: %d×%d", ds.Name, n, d)
		}
		first := slices.Concat(ds.Labels[:10], ds.Labels[test.train:test.train+10])
		if !slices.Equal(first, test.first) {
			t.Errorf("%s: labels %v", ds.Name, first)
		}
		var sums [2]int
		var squares float64
		for k, v := range ds.Bytes {
			part := 0
			if k >= test.train*test.d {
				part = 1
			} else {
				squares += float64(v) * float64(v)
			}
			sums[part] += int(v)
		}
		if sums != test.sums {
			t.Errorf("%s: the sums of pixels are %v", ds.Name, sums)
		}
		n := float64(test.train * test.d)
		mean := float64(sums[0]) / n
		std := math.Sqrt(squares/n - mean*mean)
		if test.mean > 0 && (math.Abs(mean/255-test.mean) > 5e-5 ||
			math.Abs(std/255-test.std) > 5e-5) {
			t.Errorf("%s: mean %v and deviation %v over 255", ds.Name, mean/255, std/255)
		}
		a, err := ds.Audit(*ds.Split, nil)
		if err != nil {
			t.Fatal(err)
		}
		// No image is there twice, and each test part has a thousand images of each class but
		// MNIST.
		if len(a.Duplicates) != 0 || !slices.Equal(a.Train.ClassCounts, test.perClass) ||
			len(a.Constant) != test.constant || len(a.VaryInTest) != test.varyInTest {
			t.Errorf("%s: %v, %v, %d constant columns, %d of them vary in test", ds.Name,
				a.Duplicates, a.Train.ClassCounts, len(a.Constant), len(a.VaryInTest))
		}
	}
	// The other batches, where they are there.
	_, err := CIFAR10(50000)
	var missing *NotFoundError
	if err != nil && !errors.As(err, &missing) {
		t.Error(err)
	}
}

// Of 10,000 training and all test images of Fashion-MNIST these are within 5 % of each other, as
// NumPy finds by all products.
func TestVerifyNearImages(t *testing.T) {
	published(t)
	ds, err := FashionMNIST()
	if err != nil {
		t.Fatal(err)
	}
	split := Split{Train: indexRange(0, 10000), Test: indexRange(60000, 70000)}
	pairs, err := ds.NearDuplicates(split, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	want := []NearPair{{62115, 64926, 0.014042957301861269}, {6300, 66210, 0.02684459068956476},
		{5081, 9664, 0.04123692976350699}, {1928, 3704, 0.04835634243139817}}
	if len(pairs) != len(want) {
		t.Fatalf("pairs %v, want %v", pairs, want)
	}
	for k, p := range pairs {
		if w := want[k]; p.First != w.First || p.Second != w.Second ||
			math.Abs(p.Distance-w.Distance) > 1e-14 {
			t.Errorf("pair %v, want %v", p, w)
		}
	}
}

// Of the 1599 wines 240 are there a second time, as pandas finds by duplicated().
func TestVerifyEqualWines(t *testing.T) {
	published(t)
	ds, err := LoadJMLR("wine-quality-red", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := ds.Audit(*ds.Split, MeanNorm{})
	if err != nil {
		t.Fatal(err)
	}
	more := 0
	for _, g := range a.Duplicates {
		more += len(g) - 1
	}
	if more != 240 || a.Conflicting != 0 {
		t.Errorf("%d rows more, %d groups of several labels", more, a.Conflicting)
	}
}
