package spectra

import (
	"slices"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/threadtest"
	"gonum.org/v1/gonum/mat"
)

// Spectra of kernel matrices by a dense solver and by the block method, and what follows from data.
func TestDataOnAnyThreads(t *testing.T) {
	const few, many, d = 560, 2050, 6
	rows := normalRows(many, d, 1)
	gram := ntk.Must(ntk.Must(ntk.GaussianKernel(1)).Gram(rows))
	tiles := func(n int) ntk.Tiles[float64] { return ntk.MatrixTiles(gram.SliceSym(0, n)) }
	x := scaled(normalRows(few, 30, 2), 1)
	y := noisySigns(x, 3)
	threadtest.Same(t, 1e-8, func() map[string][]float64 {
		out := map[string][]float64{}
		for name, s := range map[string]*GramSpectrum{
			"all eigenvalues": ntk.Must(Gram(t.Context(), tiles(few), GramSettings{})),
			"largest eigenvalues": ntk.Must(Gram(t.Context(), tiles(many),
				GramSettings{Top: 3, Tolerance: 1e-7})),
		} {
			for _, l := range s.Levels {
				out[name] = append(out[name], l.Eigenvalue)
			}
		}
		data := ntk.Must(MeasureData(x))
		out["statistics"] = slices.Concat(data.Variances, data.Skewness, data.Kurtosis)
		p := ntk.Must(data.Predict(relu(2), []int{20, 100}, nil, y))[0]
		out["prediction"] = slices.Concat(p.TestMSE, p.Uncertainty, p.Target.Power)
		basis := mat.NewDense(few, 20, nil)
		for i := range 20 {
			basis.Set(i, i, 1)
		}
		out["target"] = ntk.Must(DataTarget(basis, y)).Power
		return out
	})
}
