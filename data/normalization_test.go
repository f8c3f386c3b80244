package data

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gonum.org/v1/gonum/mat"
)

// Rounding of a few operations on numbers of order 1.
var near = cmpopts.EquateApprox(0, 1e-14)

func TestMeanNorm(t *testing.T) {
	// Training values 1, 1, 3, 3: m = 2, s = 1, z = (−1,−1), (1,1), both of norm
	// √2 = √d, so the scale is 1. The test rows z = (0,2), (4,0) have norms 2
	// and 4, mean 3: scale √2/3.
	train := mat.NewDense(2, 2, []float64{1, 1, 3, 3})
	test := mat.NewDense(2, 2, []float64{2, 4, 6, 2})
	a, b, err := MeanNorm{}.Normalize(train, test)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float64{{-1, -1}, {1, 1}}, raw(a), near); diff != "" {
		t.Error(diff)
	}
	r := math.Sqrt2 / 3
	if diff := cmp.Diff([][]float64{{0, 2 * r}, {4 * r, 0}}, raw(b), near); diff != "" {
		t.Error(diff)
	}
	if train.At(0, 0) != 1 || test.At(1, 0) != 6 {
		t.Error("the arguments were changed")
	}
}

func TestSphere(t *testing.T) {
	train := mat.NewDense(2, 2, []float64{1, 1, 3, 3})
	test := mat.NewDense(2, 2, []float64{2, 4, 5, 6})
	a, b, err := Sphere{}.Normalize(train, test)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float64{{-1, -1}, {1, 1}}, raw(a), near); diff != "" {
		t.Error(diff)
	}
	// z = (0,2) and (3,4).
	if diff := cmp.Diff(
		[][]float64{{0, math.Sqrt2}, {.6 * math.Sqrt2, .8 * math.Sqrt2}}, raw(b), near,
	); diff != "" {
		t.Error(diff)
	}

	// Per feature: columns 1, 3 and 10, 30, so z = (−1,−1), (1,1); the test row
	// is z = (1, 0), to norm √2.
	a, b, err = Sphere{
		PerFeature: true,
	}.Normalize(mat.NewDense(2, 2, []float64{1, 10, 3, 30}), mat.NewDense(1, 2, []float64{3, 20}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float64{{-1, -1}, {1, 1}}, raw(a), near); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]float64{{math.Sqrt2, 0}}, raw(b), near); diff != "" {
		t.Error(diff)
	}

	_, _, err = Sphere{}.Normalize(train, mat.NewDense(2, 2, []float64{1, 3, 2, 2}))
	var zero *zeroRowError
	if !errors.As(err, &zero) || *zero != (zeroRowError{Part: "test", Row: 1}) {
		t.Errorf("%v", err)
	}
	wantError(t, err, "test row 1", "√d")
}

func TestStandardize(t *testing.T) {
	// Column 0: 1, 3 (m = 2, s = 1). Column 1 is constant, though its mean,
	// summed in thirds, need not be exactly .1: it becomes 0, in the test part
	// too. Column 2: 0, 10 (m = 5, s = 5).
	a, b, err := Standardize{}.Normalize(
		mat.NewDense(2, 3, []float64{1, .1, 0, 3, .1, 10}), mat.NewDense(1, 3, []float64{5, 7, -5}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float64{{-1, 0, -1}, {1, 0, 1}}, raw(a), near); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]float64{{3, 0, -2}}, raw(b), near); diff != "" {
		t.Error(diff)
	}
	// Deviations whose squares are beyond float64.
	a, _, err = Standardize{}.Normalize(mat.NewDense(2, 1, []float64{-1e300, 1e300}),
		mat.NewDense(1, 1, []float64{0}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float64{{-1}, {1}}, raw(a), near); diff != "" {
		t.Error(diff)
	}
}

func TestNormalizationInvariants(t *testing.T) {
	for name, ds := range map[string]*Dataset{"iris": mustEmbedded("iris"), "wine": Wine(),
		"breast-cancer": mustEmbedded("breast-cancer")} {
		_, d := ds.Dims()
		for _, n := range []Normalization{MeanNorm{}, Sphere{}, Sphere{PerFeature: true},
			Standardize{}, Unnormalized{}} {
			p, err := Prepare(ds, *ds.Split, n)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, n, err)
			}
			for _, part := range parts(p.XTrain, p.XTest) {
				rows, _ := part.x.Dims()
				var mean, square, worst float64
				for i := range rows {
					l := mat.Norm(part.x.RowView(i), 2)
					mean += l / float64(rows)
					square += l * l / float64(rows)
					worst = max(worst, math.Abs(l/math.Sqrt(float64(d))-1))
				}
				const tol = 1e-12 // sums of at most 285·30 terms of order 1
				switch n.(type) {
				case MeanNorm:
					if math.Abs(mean/math.Sqrt(float64(d))-1) > tol {
						t.Errorf("%s, %s, %s: mean norm %v, d = %d", name, n, part.name, mean, d)
					}
				case Sphere:
					if worst > tol {
						t.Errorf("%s, %s, %s: a norm is off by %v", name, n, part.name, worst)
					}
				case Standardize:
					if part.name == "training" && math.Abs(square/float64(d)-1) > tol {
						t.Errorf("%s, %s: mean squared norm %v, d = %d", name, n, square, d)
					}
				}
			}
			// What the training part becomes must not depend on the test part.
			if _, mean := n.(MeanNorm); !mean {
				other, err := Prepare(ds, Split{Train: ds.Split.Train, Test: ds.Split.Test[:3]}, n)
				if err != nil {
					t.Fatal(err)
				}
				if !mat.Equal(other.XTrain, p.XTrain) ||
					!mat.Equal(other.XTest, p.XTest.Slice(0, 3, 0, d)) {
					t.Errorf("%s, %s: depends on the other test rows", name, n)
				}
			}
		}
	}
}

func TestNormalizationErrors(t *testing.T) {
	ok := mat.NewDense(2, 2, []float64{1, 2, 3, 4})
	for _, n := range []Normalization{MeanNorm{}, Sphere{}, Sphere{PerFeature: true}, Standardize{},
		Unnormalized{}} {
		for want, pair := range map[string][2]*mat.Dense{
			"training part is empty": {&mat.Dense{}, ok},
			"test part is empty":     {ok, nil},
			"part is empty, 2×0":     {ok.Slice(0, 2, 1, 1).(*mat.Dense), ok},
			"part is empty, 0×2":     {ok, ok.Slice(1, 1, 0, 2).(*mat.Dense)},
			"has 2 features":         {ok, mat.NewDense(1, 3, nil)},
			"X[1,0]":                 {ok, mat.NewDense(2, 2, []float64{1, 1, math.NaN(), 1})},
		} {
			_, _, err := n.Normalize(pair[0], pair[1])
			wantError(t, err, want)
		}
	}
	for _, n := range []Normalization{MeanNorm{}, Sphere{}} {
		_, _, err := n.Normalize(mat.NewDense(2, 1, []float64{.1, .1}),
			ok.Slice(0, 2, 0, 1).(*mat.Dense))
		wantError(t, err, "every value of the training part is 0.1")
	}
	_, _, err := MeanNorm{}.Normalize(ok, mat.NewDense(1, 2, []float64{2.5, 2.5}))
	wantError(t, err, "whole test part is zero")
	_, _, err = Standardize{}.Normalize(mat.NewDense(2, 1, []float64{0, 1e-300}),
		mat.NewDense(1, 1, []float64{1e300}))
	wantError(t, err, "too large")
}

func TestPrepare(t *testing.T) {
	ds, err := New("p", mat.NewDense(4, 1, []float64{10, 20, 30, 40}), []int{0, 1, 2, 1}, 3)
	if err != nil {
		t.Fatal(err)
	}
	split := Split{Train: []int{3, 0}, Test: []int{2}}
	p, err := Prepare(ds, split, Unnormalized{})
	if err != nil {
		t.Fatal(err)
	}
	want := Prepared{
		Name:          "p",
		Normalization: "as given",
		XTrain:        mat.NewDense(2, 1, []float64{40, 10}),
		XTest:         mat.NewDense(1, 1, []float64{30}),
		YTrain:        mat.NewDense(2, 3, []float64{0, 1, 0, 1, 0, 0}),
		YTest:         mat.NewDense(1, 3, []float64{0, 0, 1}),
		LabelsTrain:   []int{1, 0},
		LabelsTest:    []int{2},
		Classes:       3,
		Split:         split,
	}
	if diff := cmp.Diff(want, *p, cmp.Transformer("rows", raw)); diff != "" {
		t.Error(diff)
	}
	p.XTrain.Set(0, 0, 5)
	p.Split.Train[0] = 0
	if ds.X.At(3, 0) != 40 || split.Train[0] != 3 {
		t.Error("the arguments were changed")
	}

	_, err = Prepare(ds, Split{Train: []int{0}, Test: []int{9}}, MeanNorm{})
	wantError(t, err, "test index 9")
	_, err = Prepare(ds, split, nil)
	wantError(t, err, "Unnormalized")
	ds.Labels[0] = 3
	_, err = Prepare(ds, split, MeanNorm{})
	wantError(t, err, "label 3")
}

func TestPreparedFingerprint(t *testing.T) {
	ds := mustEmbedded("iris")
	print := func(s Split, n Normalization) string {
		t.Helper()
		p, err := Prepare(ds, s, n)
		if err != nil {
			t.Fatal(err)
		}
		return p.Fingerprint()
	}
	base := print(*ds.Split, MeanNorm{})
	if print(*ds.Split, MeanNorm{}) != base {
		t.Error("not repeatable")
	}
	if print(*ds.Split, Sphere{}) == base {
		t.Error("the normalisation does not enter")
	}
	if print(Split{Train: ds.Split.Test, Test: ds.Split.Train}, MeanNorm{}) == base {
		t.Error("the split does not enter")
	}
}

// The squares of equal values round alike, so that their one sum would be off by as many ulps as
// there are: kernels tell rows of one norm by 64 ulps.
func TestSphereOfImages(t *testing.T) {
	const n, d = 40, 784
	images := mat.NewDense(n, d, nil)
	for i := range n {
		for j := range 3 * i { // the rest is background
			images.Set(i, d/2-j, float64(1+(i*j)%255))
		}
		images.Set(i, 0, 9)
	}
	train, _, err := Sphere{}.Normalize(images, images)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		square := new(big.Float).SetPrec(200)
		for _, v := range train.RawRowView(i) {
			x := new(big.Float).SetPrec(200).SetFloat64(v)
			square.Add(square, x.Mul(x, x))
		}
		off, _ := square.Sub(square, big.NewFloat(d)).Float64()
		if math.Abs(off) > 16*0x1p-52*d {
			t.Errorf("row %d: ‖x‖² is off by %g ulps", i, off/d/0x1p-52)
		}
	}
}
