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

func ExampleFitSum() {
	// Targets that a coarse and a fine kernel explain together, on a line.
	const n = 60
	x, y := mat.NewDense(n, 1, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		at := float64(i*37%n) / 10 // neighbours are in different folds
		x.Set(i, 0, at)
		y.Set(i, 0, at*at/4+0.3*math.Sin(5*at))
	}
	ctx := context.Background()
	coarse := ntk.MatrixTiles(ntk.Must(ntk.Must(ntk.GaussianKernel(4)).Gram(x)))
	fine := ntk.MatrixTiles(ntk.Must(ntk.Must(ntk.GaussianKernel(0.5)).Gram(x)))
	kernels := []ntk.Tiles[float64]{coarse, fine}
	missed := func(a ...float64) float64 {
		fit, err := regress.NewRidge(ctx, ntk.Must(regress.SumTiles(kernels, a)), y,
			&regress.RidgeSettings{RelativeRidge: 1e-4})
		if err != nil {
			panic(err)
		}
		var off mat.Dense
		off.Sub(fit.LeaveOneOut(), y)
		return mat.Norm(&off, 2) / math.Sqrt(n)
	}
	found, err := regress.FitSum(ctx, kernels, y, []float64{1, 1}, &regress.SeriesSettings{
		Criterion: "leave-one-out", RelativeRidge: 1e-4})
	if err != nil {
		panic(err)
	}
	fmt.Printf("coarse %.4f, fine %.4f, both %.4f at shares %.3f\n", missed(1, 0), missed(0, 1),
		missed(found.Coeffs...), found.Coeffs)
	// Output:
	// coarse 0.2235, fine 0.0158, both 0.0122 at shares [0.713 0.287]
}
