//go:build verify

package regress_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
)

// The infinite-width nets on wine-quality-red against an independent
// implementation's train loss, test loss, train accuracy and test accuracy.
func TestWineQualityRed(t *testing.T) {
	set, err := data.LoadJMLR("wine-quality-red", nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := data.Prepare(set, *set.Split, data.MeanNorm{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		depth, epoch int
		want         [4]float64
	}{
		{1, 170, [4]float64{.51952, .57231, .64375, .57947}},
		{1, 1020, [4]float64{.44867, .55815, .685, .597}},
		{4, 170, [4]float64{.43673, .55215, .715, .60325}},
		{4, 1020, [4]float64{.24016, .52281, .875, .62578}},
	} {
		K := ntk.Must(ntk.Must(ntk.UniformFCN(c.depth, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
		d, err := regress.NewDescent(t.Context(), tiles(ntk.Must(K.Gram(p.XTrain))),
			tiles(ntk.Must(K.Cross(p.XTest, p.XTrain))), p.YTrain, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		train, test, err := d.At(c.epoch)
		if err != nil {
			t.Fatal(err)
		}
		got := [4]float64{
			ntk.Must(ntk.MSE(train, p.YTrain)), ntk.Must(ntk.MSE(test, p.YTest)),
			ntk.Must(ntk.Accuracy(train, p.YTrain)), ntk.Must(ntk.Accuracy(test, p.YTest)),
		}
		for i, want := range c.want {
			// five printed digits of a loss; two points may tip over in an accuracy
			if tol := []float64{1e-5, 1e-5, 2.5e-3, 2.5e-3}[i]; math.Abs(got[i]-want) > tol {
				t.Errorf("%dHL at epoch %d: number %d is %.5f, want %.5f", c.depth, c.epoch, i,
					got[i], want)
			}
		}
	}
}
