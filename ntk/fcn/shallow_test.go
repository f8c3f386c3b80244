package fcn

import (
	"context"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// Tiles against the products of the matrix library, over sizes that fill tiles and
// ones that do not, with and without biases, several steps long.
func TestShallow(t *testing.T) {
	if !vec32.Wide() {
		net := ntk.Must(New(nets["1HL ReLU"], Config{Inputs: 3, Width: 4, Outputs: 1, Seed: 1}))
		if net.newPass(make([]float32, 6)).shallow != nil {
			t.Error("tiles without vectors")
		}
		return
	}
	for _, name := range []string{"1HL ReLU", "1HL mimic"} {
		for _, size := range [][4]int{{1, 1, 1, 1}, {7, 3, 5, 2}, {24, 11, 256, 6}, {50, 11, 300, 6}, {101, 64, 531, 32}, {25, 2, 769, 1}} {
			n, d, width, outs := size[0], size[1], size[2], size[3]
			p := Problem{normals(1, n, d), normals(2, n, outs), normals(3, 9, d), normals(4, 9, outs)}
			for _, s := range []Settings{{}, {Optimizer: Momentum{0.9}}, {Batch: 10}, {Parameterization: StandardParameterization}} {
				s.LearningRate, s.Epochs, s.Snapshots = 0.05, 3, []int{0, 1, 3}
				if s.Parameterization == StandardParameterization {
					s.LearningRate /= float64(width)
				}
				var traces [2]*Trace
				for i := range traces {
					net := ntk.Must(New(nets[name], Config{Inputs: d, Width: width, Outputs: outs, Seed: 7}))
					tr := ntk.Must(net.newTraining(p, s))
					if tr.train.shallow == nil || tr.batch.shallow == nil {
						t.Fatal("no tiles")
					}
					if i == 1 {
						tr.train.layered()
						tr.test.layered()
						if tr.batch != tr.train {
							tr.batch.layered()
						}
						tr.columns = []func(lo, hi int){tr.throughActivation(0), tr.throughActivation(1)}
						tr.scratch = make([]float32, tr.batch.n*width)
					}
					traces[i] = ntk.Must(tr.run(context.Background()))
				}
				for i, got := range traces[0].Points {
					want := traces[1].Points[i]
					if math.Abs(got.TrainLoss-want.TrainLoss) > 1e-4*want.TrainLoss || math.Abs(got.TestLoss-want.TestLoss) > 1e-4*want.TestLoss {
						t.Errorf("%s, %v points, inputs, units, outputs, %v: %+v, by products %+v", name, size, s.Optimizer, got, want)
					}
				}
			}
		}
	}
	for _, c := range []Config{{Inputs: shallowInputs + 1, Width: 8, Outputs: 1}, {Inputs: 2, Width: 8, Outputs: shallowOutputs + 1}} {
		if net := ntk.Must(New(nets["1HL ReLU"], c)); net.newPass(make([]float32, c.Inputs)).shallow != nil {
			t.Errorf("tiles for %+v", c)
		}
	}
	if net := ntk.Must(New(nets["4HL ReLU"], Config{Inputs: 2, Width: 8, Outputs: 1})); net.newPass(make([]float32, 2)).shallow != nil {
		t.Error("tiles for a deep net")
	}
}
