package fcn

import (
	"bytes"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/fuzzinput"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// Files of nets: an error, or a net that is written as it was read.
func FuzzNPZ(f *testing.F) {
	arch := nets["1HL ReLU"]
	b := npzOf(f, ntk.Must(New(arch, Config{Inputs: 2, Width: 3, Outputs: 1, Seed: 9})))
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add(bytes.ReplaceAll(b, []byte("(3, 2)"), []byte("(9, 9)")))
	f.Add(npzOf(f, ntk.Must(New(nets["mixed"], Config{Inputs: 1, Width: 1, Outputs: 1}))))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, arch := range nets {
			net, err := readNPZ(b, arch)
			if err != nil {
				continue
			}
			again, err := readNPZ(npzOf(t, net), arch)
			if err != nil || !sameParameters(net, again) {
				t.Errorf("%v: %+v comes back as %+v, %v", arch, net.config, again, err)
			}
			if 4*net.Params() > len(b) {
				t.Errorf("%d parameters from %d bytes", net.Params(), len(b))
			}
		}
	})
}

// Nets of any sizes on any inputs, trained with any settings: an error, or numbers that are finite.
func FuzzTrain(f *testing.F) {
	f.Add(fuzzinput.Bytes(1, -1, 0.5, 2, 1, 0, 1, 1), 2, 3, 1, 0.1, 1.0, byte(0), 0)
	f.Add(fuzzinput.Bytes(1e30, 1, 1, 1, 1, 1), 1, 5, 1, 1e30, 0.0, byte(1), -1)
	f.Add(fuzzinput.Bytes(math.NaN(), 1, 1, 1), 1, 1, 2, 1e-3, 1e9, byte(6), 2)
	f.Add(fuzzinput.Bytes(1, 2, 3, 4), -1, 0, 1<<40, 0.1, 0.5, byte(255), 1)
	f.Fuzz(func(t *testing.T, b []byte, inputs, width, outputs int, rate, scale float64,
		kind byte, batch int) {
		names := []string{"1HL ReLU", "4HL ReLU", "1HL mimic", "2HL erf", "mixed"}
		arch := nets[names[int(kind)%len(names)]]
		if width > 20 && width < 1<<31 || inputs > 20 && inputs < 1<<31 || outputs > 20 {
			return // takes memory and time, as it should
		}
		net, err := New(arch, Config{Inputs: inputs, Width: width, Outputs: outputs})
		if err != nil {
			return
		}
		v := fuzzinput.Numbers(b, 60)
		n := len(v) / (inputs + outputs)
		if n == 0 {
			return
		}
		x := mat.NewDense(n, inputs, v[:n*inputs])
		y := mat.NewDense(n, outputs, v[n*inputs:n*(inputs+outputs)])
		if out, err := net.Forward(x); err == nil && !isFinite(out) {
			t.Errorf("%v on %v: outputs %v", arch, x, out)
		}
		if k, err := net.EmpiricalNTKMean(x, x); err == nil && !isFinite(k) {
			t.Errorf("%v on %v: kernel %v", arch, x, k)
		}
		s := train.Settings{LearningRate: rate, Epochs: 3, OutputScale: scale, Batch: batch,
			Uncentered: kind&64 != 0, CheckRate: kind&32 != 0}
		if kind&128 != 0 {
			s.Optimizer = train.Adam{}
		}
		if kind&16 != 0 {
			s.Loss = train.CrossEntropy
		}
		trace, err := train.Train(t.Context(), net, problem(x, y, x, y), s)
		if err != nil {
			return
		}
		for _, p := range trace.Points {
			for _, v := range []float64{p.TrainLoss, p.TestLoss, p.TrainAccuracy, p.TestAccuracy} {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("%v on %v, %+v: %+v", arch, x, s, p)
				}
			}
		}
		var text bytes.Buffer
		if trace.WriteJSON(&text) != nil || trace.WriteCSV(&text) != nil {
			t.Errorf("the trace cannot be written: %+v", *trace)
		}
	})
}

func isFinite(m *mat.Dense) bool {
	for _, v := range m.RawMatrix().Data {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
