package study

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// Cost is what kernel regression with a net's NTK and the net itself take in seconds, each the
// least of some calls.
type Cost struct {
	Rows        int     // to train on
	Gram, Solve float64 // the Gram matrix, and its factorisation with a ridge
	Regression  float64 // the regression's predictions at 1000 rows
	Epoch, Net  float64 // an epoch of the net, and its predictions at 1000 rows; 0 without a net
}

// costSteps is in the keys of costs: raised when a step of a net, or a kernel, takes another time.
const costSteps = 2

// Cost measures a net of r.Width and its kernel, or at width 0 the kernel alone, on the first
// rows of the training data, or on as many rows of standard normal entries in their shape: times
// depend on how many rows there are and not on what they say. It is kept as a record.
func (r Runs) Cost(s *Study, n Net, rows int, gaussian bool) (Cost, error) {
	run := r.Run(n, 0)
	x, y, z := run.Problem.XTrain, run.Problem.YTrain, run.Problem.XTest
	have, inputs := x.Dims()
	_, outputs := y.Dims()
	key := struct {
		Net         string
		Rows, Width int
		Set         string `json:",omitzero"` // none for Gaussian rows
		Steps       int
	}{Net: n.Arch.Fingerprint(), Rows: rows, Width: r.Width, Steps: costSteps}
	if gaussian {
		x, y, z = normal(rows, inputs, 1), normal(rows, outputs, 2), normal(1000, inputs, 3)
	} else {
		if rows > have {
			return Cost{}, fmt.Errorf("study: %d rows asked for of %d", rows, have)
		}
		x, y, key.Set = top(x, rows), top(y, rows), run.Identity().XTrain
	}
	return Remember(s, n.RecordLabel("cost"), key, func() (Cost, error) {
		c, err := kernelCost(n.Arch, x, y, z)
		if err != nil || r.Width == 0 {
			return c, err
		}
		m := rowsOf(z)
		return netCost(c, n.Arch, r.Width,
			train.Problem{XTrain: x, YTrain: y, XTest: z, YTest: normal(m, outputs, 4)})
	})
}

// kernelCost takes the times of kernel regression.
func kernelCost(net *ntk.FCN, x, y, z *mat.Dense) (Cost, error) {
	c := Cost{Rows: rowsOf(x)}
	K, err := net.NTK()
	if err != nil {
		return c, err
	}
	var gram *mat.SymDense
	if c.Gram, err = least(func() (err error) { gram, err = K.Gram(x); return err }); err != nil {
		return c, err
	}
	var fit *regress.Ridge
	ridge := &regress.RidgeSettings{RelativeRidge: 1e-3}
	c.Solve, err = least(func() (err error) { fit, err = regress.NewRidge(gram, y, ridge); return })
	if err != nil {
		return c, err
	}
	c.Regression, err = least(func() error {
		cross, err := K.Cross(z, x)
		if err == nil {
			_, err = fit.Predict(cross)
		}
		return err
	})
	c.Regression *= 1000 / float64(rowsOf(z))
	return c, err
}

// netCost adds the times of a net.
func netCost(c Cost, arch *ntk.FCN, width int, p train.Problem) (Cost, error) {
	_, inputs := p.XTrain.Dims()
	_, outputs := p.YTrain.Dims()
	net, err := fcn.New(arch, fcn.Config{Inputs: inputs, Width: width, Outputs: outputs, Seed: 1})
	if err != nil {
		return c, err
	}
	c.Net, err = least(func() error { _, err := net.Forward(p.XTest); return err })
	if err != nil {
		return c, err
	}
	c.Net *= 1000 / float64(rowsOf(p.XTest))
	c.Epoch = math.Inf(1)
	var last time.Time
	_, err = train.Train(context.Background(), net, p, train.Settings{
		LearningRate: 1e-3, Epochs: 11, Snapshots: []int{0, 11},
		Progress: func(train.Progress) {
			if !last.IsZero() {
				c.Epoch = min(c.Epoch, time.Since(last).Seconds())
			}
			last = time.Now()
		},
	})
	return c, err
}

// least returns the least seconds of three calls, or of fewer if they take more than two seconds
// together.
func least(call func() error) (float64, error) {
	best, begin := math.Inf(1), time.Now()
	for i := 0; i < 3 && time.Since(begin) < 2*time.Second; i++ {
		start := time.Now()
		if err := call(); err != nil {
			return 0, err
		}
		best = min(best, time.Since(start).Seconds())
	}
	return best, nil
}

// normal returns rows of standard normal entries.
func normal(rows, cols int, seed uint64) *mat.Dense {
	rng := rand.New(rand.NewPCG(seed, 0))
	m := mat.NewDense(rows, cols, nil)
	m.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, m)
	return m
}

func rowsOf(m *mat.Dense) int { return m.RawMatrix().Rows }
