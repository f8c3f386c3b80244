package regress_test

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

func ExampleFitSeries() {
	// Points on the circle, and a target that is a product of two coordinates.
	const n = 40
	cosines, y := mat.NewDense(n, n, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		y.Set(i, 0, math.Sin(2*float64(3*i)))
		for j := range n {
			cosines.Set(i, j, math.Cos(float64(3*(i-j))))
		}
	}
	fit, err := regress.FitSeries(context.Background(), ntk.MatrixTiles(cosines), y,
		[]float64{1, 1, 1, 1}, &regress.SeriesSettings{RelativeRidge: 1e-3})
	if err != nil {
		panic(err)
	}
	fmt.Printf("a = %.2f: a kernel of degree 2\n", fit.Coeffs)
	// Output:
	// a = [0.00 0.00 1.00 0.00]: a kernel of degree 2
}
