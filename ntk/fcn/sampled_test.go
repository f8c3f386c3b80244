package fcn_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"gonum.org/v1/gonum/stat"
)

// The mean over nets is the kernel of infinite width, at width 64 as at any other.
func ExampleModel_MeanNTK() {
	arch := ntk.Must(ntk.UniformFCN(1, ntk.Erf{}, 1, 0))
	model := fcn.Model{Arch: arch, Config: fcn.Config{Inputs: 2, Width: 64, Outputs: 1}}
	cosines := []float64{0, 1}
	mean, std, err := model.MeanNTK(400, cosines)
	if err != nil {
		panic(err)
	}
	exact := ntk.Must(ntk.Must(arch.NTK()).Curve(cosines))
	for i := range cosines {
		fmt.Println(math.Abs(mean[i]-exact[i]) < 4*std[i]/math.Sqrt(400))
	}
	fmt.Println(len(ntk.Must(model.SampledNTK(3, cosines))))
	// Output:
	// true
	// true
	// 3
}

func second[T any](_ T, err error) error { return err }

func TestMeanNTK(t *testing.T) {
	arch := ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, 1.3, 0.2))
	model := fcn.Model{Arch: arch, Config: fcn.Config{Inputs: 5, Width: 32, Outputs: 2, Seed: 7}}
	cosines := []float64{-1, -0.3, 0.8, 1}
	const nets = 300
	kernels := ntk.Must(model.SampledNTK(nets, cosines))
	mean, std, err := model.MeanNTK(nets, cosines)
	if err != nil {
		t.Fatal(err)
	}
	exact := ntk.Must(ntk.Must(arch.NTK()).Curve(cosines))
	for i := range cosines {
		var at []float64
		for _, k := range kernels {
			at = append(at, k[i])
		}
		m, s := stat.MeanStdDev(at, nil)
		if math.Abs(m-mean[i]) > 1e-12*m+1e-12 || math.Abs(s-std[i]) > 1e-12*s {
			t.Errorf("%v ± %v, want %v ± %v", mean[i], std[i], m, s)
		}
		if e := math.Abs(m-exact[i]) / (s / math.Sqrt(nets)); e > 4 {
			t.Errorf("the mean at c = %v is %.1f standard errors off the kernel", cosines[i], e)
		}
	}
	for says, err := range map[string]error{
		"no cosines":     second(model.SampledNTK(1, nil)),
		"0 nets":         second(model.SampledNTK(0, cosines)),
		"cosine 1 is 2":  second(model.SampledNTK(1, []float64{0, 2})),
		"cosine 0 is Na": second(model.SampledNTK(1, []float64{math.NaN()})),
		"of 1 inputs": second(fcn.Model{Arch: arch,
			Config: fcn.Config{Inputs: 1, Width: 2, Outputs: 1}}.SampledNTK(1, cosines)),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if _, _, err := model.MeanNTK(1, cosines); err == nil {
		t.Error("a standard deviation of one net")
	}
}
