package study

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/train"
)

var (
	deepReLU = Net{Name: "4HL ReLU",
		Arch: ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1))}
	oneReLU = Net{Name: "1HL ReLU", Arch: ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 0))}
)

// Each machine comes to what the function has that it is made of, or to what it goes to: all rows
// as landmarks and conjugate gradients to kernel regression, many features to that of their kernel.
func TestLearn(t *testing.T) {
	s, set, norm := opened(t, ""), data.Digits(), data.Sphere{}
	const n, relative = 400, 1e-2
	p := ntk.Must(data.Prepare(set,
		data.Split{Train: set.Split.Train[:n], Test: set.Split.Test}, norm))
	want := func(K ntk.Kernel) (loss, wrong float64) {
		fit := ntk.Must(regress.NewRidge(t.Context(), ntk.MatrixTiles(ntk.Must(K.Gram(p.XTrain))),
			p.YTrain, &regress.RidgeSettings{RelativeRidge: relative}))
		f := ntk.Must(fit.Predict(t.Context(),
			ntk.MatrixTiles(ntk.Must(K.Cross(p.XTest, p.XTrain)))))
		return ntk.Must(ntk.MSE(f, p.YTest)), 1 - ntk.Must(ntk.Accuracy(f, p.YTest))
	}
	loss, wrong := want(ntk.Must(deepReLU.Arch.NTK()))
	nngpLoss, nngpWrong := want(ntk.Must(oneReLU.Arch.NNGP()))
	machines := []Machine{
		{Net: deepReLU, Method: "exact", Rows: n, RelativeRidge: relative, BesideLAPACK: true},
		{Net: deepReLU, Method: "conjugate gradients", Rows: n, RelativeRidge: relative},
		{Net: deepReLU, Method: "landmarks", Rows: n, Size: n, RelativeRidge: relative},
		{Net: oneReLU, Method: "features", Rows: n, Size: 4000, RelativeRidge: relative},
		{Net: oneReLU, Method: "trained", Rows: n, Size: 128,
			Training: train.Settings{LearningRate: 0.3, Epochs: 40, Batch: 50}},
	}
	got, err := s.Learn(set, norm, machines...)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range got {
		method := machines[i].Method
		wantLoss, wantWrong, tol := loss, wrong, 1e-4
		switch method {
		case "features":
			wantLoss, wantWrong, tol = nngpLoss, nngpWrong, 0.1 // off as 1/√4000 times a few
		case "trained":
			if !(l.TestError < 0.2) || l.Residual != 0 {
				t.Errorf("trained: %+v", l)
			}
			wantLoss, wantWrong, tol = l.TestLoss, l.TestError, 0
		default:
			if !(l.Residual > 0 && l.Residual <= 1e-6) || l.Passes < 1 {
				t.Errorf("%s: residual %g after %d passes", method, l.Residual, l.Passes)
			}
		}
		if math.Abs(l.TestLoss/wantLoss-1) > tol || math.Abs(l.TestError-wantWrong) > tol {
			t.Errorf("%s: loss %g and error %g, want %g and %g", method, l.TestLoss, l.TestError,
				wantLoss, wantWrong)
		}
		// The rows alone are 8·897·64 bytes; a matrix of 400 rows is 1.3 MB.
		if l.Rows != n || !(l.Seconds > 0 && l.Predicting > 0) || l.Bytes < 8*897*64 ||
			l.Bytes > 4<<30 || l.Machine == "" || l.Arithmetic != ntk.BLAS() {
			t.Errorf("%s: %+v", method, l)
		}
		if has := l.LAPACK > 0; has != machines[i].BesideLAPACK {
			t.Errorf("%s: LAPACK took %g s", method, l.LAPACK)
		}
	}
	again, err := s.Learn(set, norm, machines...)
	if err != nil || again[0] != got[0] || again[4] != got[4] {
		t.Errorf("again %+v: %v", again, err)
	}
}

// The seconds before an interruption count, and the folder has what it goes on from.
func TestLearnInterrupted(t *testing.T) {
	set, folder := data.Digits(), t.TempDir()
	m := Machine{Net: deepReLU, Method: "exact", Rows: 300, RelativeRidge: 1e-2}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	report := func(Report) {}
	if _, err := m.learn(ended, set, data.Sphere{}, folder, report); err == nil {
		t.Fatal("no error after the end of its context")
	}
	spent := filepath.Join(folder, "seconds")
	if _, err := os.Stat(spent); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(spent, []byte("1000"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := m.learn(t.Context(), set, data.Sphere{}, folder, report)
	if err != nil || l.Seconds < 1000 || l.Seconds > 2000 {
		t.Errorf("%+v: %v", l, err)
	}
	if err := os.WriteFile(spent, []byte("some"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := m.learn(t.Context(), set, data.Sphere{}, folder, report); err == nil {
		t.Error("no error for a time that is no number")
	}
}

func TestLearnBadInput(t *testing.T) {
	s, set := opened(t, ""), data.Digits()
	learn := func(set *data.Dataset, norm data.Normalization, m Machine) error {
		_, err := s.Learn(set, norm, m)
		return err
	}
	good := Machine{Net: deepReLU, Method: "exact", Rows: 20, RelativeRidge: 1e-2}
	with := func(change func(m *Machine)) error {
		m := good
		change(&m)
		return learn(set, data.Sphere{}, m)
	}
	for says, err := range map[string]error{
		"are needed":        learn(nil, data.Sphere{}, good),
		"needed":            learn(set, nil, good),
		"no architecture":   with(func(m *Machine) { m.Net.Arch = nil }),
		"none of":           with(func(m *Machine) { m.Method = "magic" }),
		"the set has 1 to":  with(func(m *Machine) { m.Rows = 2000 }),
		"Size is 5":         with(func(m *Machine) { m.Size = 5 }),
		"Size is 0":         with(func(m *Machine) { m.Method = "features" }),
		"21 landmarks":      with(func(m *Machine) { m.Method, m.Size = "landmarks", 21 }),
		"σ_w = 1":           with(func(m *Machine) { m.Method, m.Size = "features", 9 }),
		"Tolerance is -1":   with(func(m *Machine) { m.Tolerance = -1 }),
		"LearningRate is 0": with(func(m *Machine) { m.Method, m.Size = "trained", 9 }),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
}
