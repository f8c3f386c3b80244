package fcn

import (
	"context"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// byProducts is a net whose passes go layer by layer, without tiles.
type byProducts struct{ *Net }

func (n byProducts) NewPass(points int, serial bool) train.Pass {
	p := n.newPass(make([]float32, points*n.config.Inputs), serial)
	if p.shallow != nil {
		p.layered()
	}
	return p
}

// Tiles against the products of the matrix library, over sizes that fill tiles and
// ones that do not, with and without biases, several steps long.
func TestShallow(t *testing.T) {
	if !vec32.Wide() {
		net := ntk.Must(New(nets["1HL ReLU"], Config{Inputs: 3, Width: 4, Outputs: 1, Seed: 1}))
		if net.newPass(make([]float32, 6), false).shallow != nil {
			t.Error("tiles without vectors")
		}
		return
	}
	for _, name := range []string{"1HL ReLU", "1HL mimic"} {
		for _, size := range [][4]int{{1, 1, 1, 1}, {7, 3, 5, 2}, {24, 11, 256, 6},
			{50, 11, 300, 6}, {101, 64, 531, 32}, {25, 2, 769, 1}} {
			n, d, width, outs := size[0], size[1], size[2], size[3]
			p := problem(normals(1, n, d), normals(2, n, outs), normals(3, 9, d),
				normals(4, 9, outs))
			for _, s := range []train.Settings{{}, {Optimizer: train.Momentum{Decay: 0.9}},
				{Optimizer: train.Adam{}}, {Batch: 10},
				{Parameterization: train.StandardParameterization}} {
				s.LearningRate, s.Epochs, s.Snapshots = 0.05, 3, []int{0, 1, 3}
				if s.Parameterization == train.StandardParameterization {
					s.LearningRate /= float64(width)
				}
				var traces [2]*train.Trace
				var trained [2]*Net
				for i := range traces {
					net := ntk.Must(
						New(nets[name], Config{Inputs: d, Width: width, Outputs: outs, Seed: 7}))
					if net.newPass(make([]float32, d), false).shallow == nil {
						t.Fatal("no tiles")
					}
					var trains train.Net = net
					if i == 1 {
						trains = byProducts{net}
					}
					trained[i] = net
					traces[i] = ntk.Must(train.Train(t.Context(), trains, p, s))
				}
				// Steps of Adam do not go with the gradient's size.
				if _, adam := s.Optimizer.(train.Adam); !adam {
					for i, l := range trained[0].layers {
						if off, most := apart(l.w, trained[1].layers[i].w); off > 1e-4*most {
							t.Errorf("%s, %v, %v: weights of layer %d are off by %v of %v", name,
								size, s.Optimizer, i+1, off, most)
						}
						if off, most := apart(l.b, trained[1].layers[i].b); off > 1e-4*most {
							t.Errorf("%s, %v, %v: biases of layer %d are off by %v of %v", name,
								size, s.Optimizer, i+1, off, most)
						}
					}
				}
				for i, got := range traces[0].Points {
					want := traces[1].Points[i]
					if math.Abs(got.TrainLoss-want.TrainLoss) > 1e-4*want.TrainLoss ||
						math.Abs(got.TestLoss-want.TestLoss) > 1e-4*want.TestLoss {
						t.Errorf("%s, %v points, inputs, units, outputs, %v: %+v, by products %+v",
							name, size, s.Optimizer, got, want)
					}
				}
			}
		}
	}
	for _, c := range []Config{{Inputs: shallowInputs + 1, Width: 8, Outputs: 1},
		{Inputs: 2, Width: 8, Outputs: shallowOutputs + 1}} {
		net := ntk.Must(New(nets["1HL ReLU"], c))
		if net.newPass(make([]float32, c.Inputs), false).shallow != nil {
			t.Errorf("tiles for %+v", c)
		}
	}
	net := ntk.Must(New(nets["4HL ReLU"], Config{Inputs: 2, Width: 8, Outputs: 1}))
	if net.newPass(make([]float32, 2), false).shallow != nil {
		t.Error("tiles for a deep net")
	}
}

// apart returns the largest difference, and the largest number.
func apart(a, b []float32) (off, most float64) {
	for i, v := range a {
		off, most = max(off, math.Abs(float64(v-b[i]))), max(most, math.Abs(float64(b[i])))
	}
	return off, most
}

// A frozen layer stays as it is, and the other learns as by products.
func TestShallowFrozen(t *testing.T) {
	for frozen := range 2 {
		layers, readout := nets["1HL ReLU"].Layers(), nets["1HL ReLU"].Readout()
		layers[0].Frozen, readout.Frozen = frozen == 0, frozen == 1
		arch := ntk.Must(ntk.NewFCN(layers, readout))
		p := problem(normals(1, 50, 5), normals(2, 50, 2), normals(3, 9, 5), normals(4, 9, 2))
		var trained [2]*Net
		for i := range trained {
			trained[i] = ntk.Must(New(arch, Config{Inputs: 5, Width: 150, Outputs: 2, Seed: 7}))
			var net train.Net = trained[i]
			if i == 1 {
				net = byProducts{trained[i]}
			}
			ntk.Must(train.Train(context.Background(), net, p,
				train.Settings{LearningRate: 0.05, Epochs: 3, Snapshots: []int{0}}))
		}
		start := ntk.Must(New(arch, Config{Inputs: 5, Width: 150, Outputs: 2, Seed: 7}))
		for i := range 2 {
			moved, _ := apart(trained[0].layers[i].w, start.layers[i].w)
			off, _ := apart(trained[0].layers[i].w, trained[1].layers[i].w)
			if (moved == 0) != (i == frozen) || off > 1e-4*moved {
				t.Errorf("layer %d with %d frozen: moved by %v, by products %v away", i+1, frozen+1,
					moved, off)
			}
		}
	}
}
