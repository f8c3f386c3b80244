package regress

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// Factorisations, which many points take, score as the eigenvectors do.
func TestPathWithoutEigenvectors(t *testing.T) {
	const n = 70
	x, y := mat.NewDense(n, 3, nil), mat.NewDense(n, 2, nil)
	noise, folds := make([]float64, n), make([]int, n)
	for i := range n {
		for j := range 3 {
			x.Set(i, j, math.Sin(float64(1+i*(2*j+3)+j*j)))
		}
		y.SetRow(i, []float64{math.Cos(float64(2 * i)), math.Sin(float64(5 * i))})
		noise[i], folds[i] = 1+float64(i%3), i%4
	}
	gram := ntk.MatrixTiles(ntk.Must(ntk.Must(ntk.GaussianKernel(2)).Gram(x)))
	p, ridges, err := newPath(t.Context(), gram, y, &PathSettings{
		Ridges: []float64{1e-4, 0.1, 30}, Noise: noise, Folds: folds,
	})
	if err != nil {
		t.Fatal(err)
	}
	decomposed, err := p.decomposed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, ridge := range ridges {
		want, err := p.score(t.Context(), ridge, decomposed)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.score(t.Context(), ridge, p.factored)
		if err != nil {
			t.Fatal(err)
		}
		for name, pair := range map[string][2]float64{
			"leave-one-out": {got.LeaveOneOut, want.LeaveOneOut},
			"accuracy":      {got.LeaveOneOutAccuracy, want.LeaveOneOutAccuracy},
			"K-fold":        {got.KFold, want.KFold},
			"GCV":           {got.GCV, want.GCV},
			"freedom":       {got.Freedom, want.Freedom},
			"likelihood":    {got.LogLikelihood, want.LogLikelihood},
		} {
			if off := math.Abs(pair[0] - pair[1]); !(off <= 1e-9*math.Abs(pair[1])) {
				t.Errorf("ridge %v: %s is %v, by eigenvectors %v", ridge, name, pair[0], pair[1])
			}
		}
	}
}
