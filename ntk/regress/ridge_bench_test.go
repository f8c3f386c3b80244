package regress_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

func BenchmarkNewRidge(b *testing.B) {
	const n = 1000
	gram, y := mat.NewSymDense(n, nil), mat.NewDense(n, 10, nil)
	for i := range n {
		for j := range i + 1 {
			gram.SetSym(i, j, math.Exp(-math.Abs(float64(i-j))/50))
		}
		y.Set(i, i%10, 1)
	}
	for b.Loop() {
		if _, err := regress.NewRidge(
			b.Context(), tiles(gram), y, &regress.RidgeSettings{RelativeRidge: 1e-3}); err != nil {
			b.Fatal(err)
		}
	}
}
