package data_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"gonum.org/v1/gonum/mat"
)

func TestSphereAbout(t *testing.T) {
	train := mat.NewDense(1, 2, []float64{1, 3})
	test := mat.NewDense(2, 2, []float64{4, 5, 1, 1})
	a, b, err := data.SphereAbout{Center: 1}.Normalize(train, test.Slice(0, 1, 0, 2).(*mat.Dense))
	if err != nil {
		t.Fatal(err)
	}
	// (0, 2) and (3, 4), to norm √2
	want := mat.NewDense(1, 2, []float64{0, math.Sqrt2})
	if !mat.EqualApprox(a, want, 1e-15) || train.At(0, 0) != 1 {
		t.Errorf("training rows %v from %v", a, train)
	}
	want = mat.NewDense(1, 2, []float64{0.6 * math.Sqrt2, 0.8 * math.Sqrt2})
	if !mat.EqualApprox(b, want, 1e-15) {
		t.Errorf("test rows %v", b)
	}
	_, _, err = data.SphereAbout{Center: 1}.Normalize(train, test)
	if err == nil || !strings.Contains(err.Error(), "test row 1") {
		t.Errorf("a row without a direction: %v", err)
	}
	_, _, err = data.SphereAbout{Center: math.NaN()}.Normalize(train, test)
	if err == nil || !strings.Contains(err.Error(), "the Center is NaN") {
		t.Errorf("a mean that is no number: %v", err)
	}
}

func ExampleSphereAbout() {
	_, x, err := data.SphereAbout{Center: 100}.Normalize(mat.NewDense(1, 2, []float64{0, 200}),
		mat.NewDense(1, 2, []float64{130, 140}))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.4f\n", x.RawRowView(0))
	// Output:
	// [0.8485 1.1314]
}
