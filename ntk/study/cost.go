package study

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"github.com/kernelsmith/kernelsmith/plotting"
	"gonum.org/v1/gonum/mat"
)

// cost is what kernel regression with a net's NTK and the net itself take in seconds, each the
// least of some calls.
type cost struct {
	Rows        int     // to train on
	Gram, Solve float64 // the Gram matrix, and its factorisation with a ridge
	Regression  float64 // the regression's predictions at 1000 rows
	Epoch, Net  float64 // an epoch of the net, and its predictions at 1000 rows; 0 without a net
}

// costSteps is in the keys of costs: raised when a step of a net, or a kernel, takes another time.
const costSteps = 2

// firstShape are the inputs and outputs of the rows that the first records are of, whose keys did
// not say them: those of wine-quality-red.
var firstShape = [2]int{11, 6}

// Costs is what kernel regression with the NTKs of nets costs beside the training of one of them,
// over the number of rows.
type Costs struct {
	nets     []Net
	trained  int // which of them is
	width    int
	params   int
	epochs   int
	set      []int // numbers of rows of the data's own
	gaussian []int
	of       map[costAt]cost
}

type costAt struct {
	net, rows int
	gaussian  bool
}

// Costs measures kernel regression with the NTKs of the nets, and so many epochs of the net that
// is named, of r.Width. Times depend on how many rows there are and not on what they say, so
// beside the first rows of the training data there are standard normal ones in their shape, in
// the numbers that are asked for. The times are kept as records.
func (r Runs) Costs(
	s *Study, trained string, epochs int, rows, gaussian []int,
) (*Costs, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if r.Width < 1 || epochs < 1 {
		return nil, fmt.Errorf("study: %d epochs of a net of width %d; costs take 1 of each at "+
			"least", epochs, r.Width)
	}
	for _, n := range append(slices.Clone(rows), gaussian...) {
		if n < 1 || n > 1<<20 {
			return nil, fmt.Errorf("study: costs at %d rows; they are measured from 1 to %d", n,
				1<<20)
		}
	}
	c := &Costs{nets: r.Nets, trained: -1, width: r.Width, epochs: epochs, set: rows,
		gaussian: gaussian, of: map[costAt]cost{}}
	for i, n := range r.Nets {
		if n.Name == trained {
			model := r.Run(n, 0).Model.(fcn.Model)
			c.trained = i
			c.params = n.Arch.Params(model.Config.Inputs, r.Width, model.Config.Outputs)
		}
	}
	if c.trained < 0 || len(gaussian) == 0 {
		return nil, fmt.Errorf("study: costs need one of the nets, which %q is not, and numbers "+
			"of rows", trained)
	}
	bar, done := plotting.NewProgress("timing", len(rows)+len(gaussian)), 0
	for at, all := range [][]int{rows, gaussian} {
		for _, n := range all {
			for i := range r.Nets {
				one := r
				if i != c.trained {
					one.Width = 0 // the kernel alone
				}
				found, err := one.cost(s, r.Nets[i], n, at == 1)
				if err != nil {
					return nil, err
				}
				c.of[costAt{i, n, at == 1}] = found
			}
			done++
			bar.Set(done, fmt.Sprintf("%d rows", n))
		}
	}
	bar.Done(fmt.Sprintf("%d sizes", done))
	return c, nil
}

// ShowTable shows the times and the memory as a table; set is the name of the data's own rows.
func (c *Costs) ShowTable(set, caption string) error {
	header := []string{"rows"}
	for _, n := range c.nets {
		header = append(header, "fit, "+n.Name+" kernel")
	}
	trained := c.nets[c.trained].Name
	header = append(header, fmt.Sprintf("%d epochs of %s", c.epochs, trained), "Gram matrix",
		"the net")
	for _, n := range c.nets {
		header = append(header, "1000 predictions, "+n.Name+" kernel")
	}
	header = append(header, "1000 predictions, "+trained)
	var table [][]string
	for at, all := range [][]int{c.set, c.gaussian} {
		for _, n := range all {
			row := []string{fmt.Sprintf("%d %s", n, []string{"of " + set, "Gaussian"}[at])}
			var asked []string
			for i := range c.nets {
				k := c.of[costAt{i, n, at == 1}]
				row = append(row, fmt.Sprintf("%.2g + %.2g s", k.Gram, k.Solve))
				asked = append(asked, fmt.Sprintf("%.2g s", k.Regression))
			}
			k := c.of[costAt{c.trained, n, at == 1}]
			row = append(row, fmt.Sprintf("%.3g s", float64(c.epochs)*k.Epoch),
				inBytes(8*float64(n)*float64(n)), inBytes(4*float64(c.params)))
			table = append(table, append(append(row, asked...), fmt.Sprintf("%.2g s", k.Net)))
		}
	}
	return plotting.ShowTable(header, table, caption)
}

// Figure draws the seconds to fit and to predict against the number of Gaussian rows.
func (c *Costs) Figure() *plotting.Grid {
	fitting := plotting.New(plotting.Options{X: "training rows n", Y: "seconds to fit", LogX: true,
		LogY: true})
	asking := plotting.New(plotting.Options{X: "training rows n",
		Y: "seconds for 1000 predictions", LogX: true, LogY: true})
	for i, net := range c.nets {
		var ns, fit, ask, epochs, forward []float64
		for _, n := range c.gaussian {
			k := c.of[costAt{i, n, true}]
			ns, fit = append(ns, float64(n)), append(fit, k.Gram+k.Solve)
			ask, forward = append(ask, k.Regression), append(forward, k.Net)
			epochs = append(epochs, float64(c.epochs)*k.Epoch)
		}
		kernel, color := "kernel of "+net.Name, plotting.Like(net.Name)
		fitting.Line(kernel, ns, fit, color, plotting.Dashed)
		asking.Line(kernel, ns, ask, color, plotting.Dashed)
		if i == c.trained {
			fitting.Line(net.Name+", trained", ns, epochs, color)
			asking.Line(net.Name+", trained", ns, forward, color)
		}
	}
	return plotting.Panels([][]plotting.Drawing{{fitting, asking}},
		plotting.PanelOptions{Letters: true, SharedLegend: true, Height: 3.4})
}

// String says for each kernel at how many rows it takes as long as the net, by the times at the
// largest number of Gaussian rows and the orders of the costs: n² for the Gram matrix, n³ for its
// factorisation, n for an epoch and for predicting with a kernel.
func (c *Costs) String() string {
	largest := slices.Max(c.gaussian)
	net := c.of[costAt{c.trained, largest, true}]
	var b strings.Builder
	for i, n := range c.nets {
		k := c.of[costAt{i, largest, true}]
		// With r = n/largest: Gram r² + Solve r³ = epochs Epoch r, and Regression r = Net.
		root := math.Sqrt(k.Gram*k.Gram + 4*k.Solve*float64(c.epochs)*net.Epoch)
		r := (-k.Gram + root) / (2 * k.Solve)
		at := math.Round(r*float64(largest)/100) * 100
		fmt.Fprintf(&b, "kernel of %s: fitting takes as long as %d epochs of %s at n ≈ %.0f (a "+
			"Gram matrix of %s), predicting as long as the net at n ≈ %.0f\n", n.Name, c.epochs,
			c.nets[c.trained].Name, at, inBytes(8*at*at), net.Net/k.Regression*float64(largest))
	}
	fmt.Fprintf(&b, "by the times at %d rows and the orders of the costs: n² for the Gram "+
		"matrix, n³ for its factorisation, n for an epoch and for predicting with a kernel",
		largest)
	return b.String()
}

// inBytes writes a number of bytes.
func inBytes(n float64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", n/1e6)
	}
	return fmt.Sprintf("%.2f MB", n/1e6)
}

// cost measures a net of r.Width and its kernel, or at width 0 the kernel alone.
func (r Runs) cost(s *Study, n Net, rows int, gaussian bool) (cost, error) {
	run := r.Run(n, 0)
	x, y, z := run.Problem.XTrain, run.Problem.YTrain, run.Problem.XTest
	have, inputs := x.Dims()
	_, outputs := y.Dims()
	key := struct {
		Net         string
		Rows, Width int
		Set         string `json:",omitzero"` // none for Gaussian rows
		Shape       string `json:",omitzero"` // that is not of the first records' rows
		Steps       int
	}{Net: n.Arch.Fingerprint(), Rows: rows, Width: r.Width, Steps: costSteps}
	if shape := [2]int{inputs, outputs}; shape != firstShape {
		key.Shape = fmt.Sprintf("%d inputs, %d outputs", inputs, outputs)
	}
	if gaussian {
		x, y, z = normal(rows, inputs, 1), normal(rows, outputs, 2), normal(1000, inputs, 3)
	} else {
		if rows > have {
			return cost{}, fmt.Errorf("study: %d rows asked for of %d", rows, have)
		}
		x, y, key.Set = top(x, rows), top(y, rows), run.Identity().XTrain
	}
	return Remember(s, n.RecordLabel("cost"), key, func() (cost, error) {
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
func kernelCost(net *ntk.FCN, x, y, z *mat.Dense) (cost, error) {
	c := cost{Rows: rowsOf(x)}
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
	c.Solve, err = least(func() (err error) {
		fit, err = regress.NewRidge(context.Background(), ntk.MatrixTiles(gram), y, ridge)
		return
	})
	if err != nil {
		return c, err
	}
	c.Regression, err = least(func() error {
		cross, err := K.Cross(z, x)
		if err == nil {
			_, err = fit.Predict(context.Background(), ntk.MatrixTiles(cross))
		}
		return err
	})
	c.Regression *= 1000 / float64(rowsOf(z))
	return c, err
}

// netCost adds the times of a net.
func netCost(c cost, arch *ntk.FCN, width int, p train.Problem) (cost, error) {
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
