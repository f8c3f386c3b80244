package fcn

import (
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/threadtest"
	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// One net at a time, whose points the threads share.
func TestTrainingOnAnyThreads(t *testing.T) {
	p := problem(normals(1, 200, 3), normals(2, 200, 2), normals(3, 50, 3), normals(4, 50, 2))
	threadtest.Same(t, 1e-3, func() map[string][]float64 {
		out := map[string][]float64{}
		for name, s := range map[string]train.Settings{
			"4HL ReLU":  {LearningRate: 0.05, Epochs: 3},
			"1HL mimic": {LearningRate: 0.05, Epochs: 3},
			"1HL ReLU":  {LearningRate: 0.01, Epochs: 3, Batch: 70, Optimizer: train.Adam{}},
			"2HL erf": {LearningRate: 0.05, Epochs: 3, Batch: 64,
				Optimizer: train.Momentum{Decay: 0.9}},
		} {
			net := ntk.Must(New(nets[name], Config{Inputs: 3, Width: 256, Outputs: 2, Seed: 5}))
			for _, point := range ntk.Must(train.Train(t.Context(), net, p, s)).Points {
				out[name] = append(out[name], point.TrainLoss, point.TestLoss)
			}
			kernel := ntk.Must(net.EmpiricalNTKMean(p.XTest, p.XTrain))
			out[name] = append(out[name], kernel.RawMatrix().Data...)
		}
		return out
	})
}
