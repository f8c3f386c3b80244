package study

import (
	"context"
	"fmt"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// KernelError returns how far the NTK of a net is from that of another architecture on the
// training rows of the first trial: ‖K - K'‖/‖K'‖ in the Frobenius norm of their Gram matrices,
// K' being the target's. It is kept as a record.
func (r Runs) KernelError(s *Study, n Net, target *ntk.FCN) (float64, error) {
	if err := (Runs{Nets: []Net{n, {Name: "the target", Arch: target}}, Data: r.Data,
		DataOf: r.DataOf}).check(); err != nil {
		return 0, err
	}
	run := r.Run(n, 0)
	key := struct{ Net, Target, Rows string }{
		n.Arch.Fingerprint(), target.Fingerprint(), run.Identity().XTrain,
	}
	return Remember(s, n.RecordLabel("gram"), key, func() (float64, error) {
		want, err := gramOf(target, run.Problem)
		if err != nil {
			return 0, err
		}
		have, err := gramOf(n.Arch, run.Problem)
		if err != nil {
			return 0, err
		}
		if mat.Norm(want, 2) == 0 {
			return 0, fmt.Errorf("study: the NTK of %v is 0 on the training rows", target)
		}
		var off mat.Dense
		off.Sub(have, want)
		return mat.Norm(&off, 2) / mat.Norm(want, 2), nil
	})
}

// Spectrum returns the eigenvalues of the Gram matrix of a net's NTK on the training rows of the
// first trial over the number of rows, largest first: λ_i/n. They are kept as a record.
func (r Runs) Spectrum(s *Study, n Net) ([]float64, error) {
	if err := r.checkOf(n); err != nil {
		return nil, err
	}
	run := r.Run(n, 0)
	key := struct{ Net, Rows string }{n.Arch.Fingerprint(), run.Identity().XTrain}
	return Remember(s, n.RecordLabel("spectrum"), key, func() ([]float64, error) {
		gram, err := gramOf(n.Arch, run.Problem)
		if err != nil {
			return nil, err
		}
		rows := gram.SymmetricDim()
		values := make([]float64, rows)
		if !accel.SymEigenvalues(rows, gram.RawSymmetric().Data, values) {
			return nil, fmt.Errorf("study: the eigenvalues of the NTK of %s did not converge",
				n.Name)
		}
		slices.Reverse(values)
		floats.Scale(1/float64(len(values)), values)
		return values, nil
	})
}

// checkOf is check with one net alone.
func (r Runs) checkOf(n Net) error {
	return Runs{Nets: []Net{n}, Data: r.Data, DataOf: r.DataOf}.check()
}

func gramOf(net *ntk.FCN, p train.Problem) (*mat.SymDense, error) {
	K, err := net.NTK()
	if err != nil {
		return nil, err
	}
	return K.Gram(p.XTrain)
}

// Regression returns what kernel regression with a net's NTK comes to on the data of the first
// trial, a point for each ridge, whose Epoch is 0, and the ridges δ in absolute terms. Both are
// kept as a record.
func (r Runs) Regression(
	s *Study, n Net, ridges []regress.RidgeSettings,
) (points []train.Point, deltas []float64, err error) {
	if err := r.checkOf(n); err != nil {
		return nil, nil, err
	}
	run := r.Run(n, 0)
	id := run.Identity()
	key := struct {
		Net, XTrain, YTrain, XTest, YTest string
		Ridges                            []regress.RidgeSettings
	}{id.Architecture, id.XTrain, id.YTrain, id.XTest, id.YTest, ridges}
	type fit struct {
		Ridge   float64
		Numbers [4]float64 // train loss, test loss, train accuracy, test accuracy
	}
	fits, err := Remember(s, n.RecordLabel("regression"), key, func() (out []fit, err error) {
		ctx := context.Background()
		gram, cross, err := kernelsOf(ctx, n.Arch, run.Problem)
		if err != nil {
			return nil, err
		}
		for _, ridge := range ridges {
			point, delta, err := regression(ctx, gram, cross, run.Problem, ridge)
			if err != nil {
				return nil, err
			}
			out = append(out, fit{delta, [4]float64{point.TrainLoss, point.TestLoss,
				point.TrainAccuracy, point.TestAccuracy}})
		}
		return out, nil
	})
	for _, f := range fits {
		points = append(points, train.Point{TrainLoss: f.Numbers[0], TestLoss: f.Numbers[1],
			TrainAccuracy: f.Numbers[2], TestAccuracy: f.Numbers[3]})
		deltas = append(deltas, f.Ridge)
	}
	return points, deltas, err
}

// regression measures kernel regression with a ridge, which it returns in absolute terms too.
func regression(
	ctx context.Context, gram, cross ntk.Tiles[float64], p train.Problem,
	ridge regress.RidgeSettings,
) (point train.Point, delta float64, err error) {
	fit, err := regress.NewRidge(ctx, gram, p.YTrain, &ridge)
	if err != nil {
		return point, 0, err
	}
	f, err := fit.Predict(ctx, gram)
	if err != nil {
		return point, 0, err
	}
	g, err := fit.Predict(ctx, cross)
	if err != nil {
		return point, 0, err
	}
	point, err = Measured(0, f, g, p)
	return point, fit.Ridge(), err
}
