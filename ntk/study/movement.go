package study

import (
	"context"
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// moved is the record of an [fcn.Movement], without its matrices.
type moved struct {
	Change, Cosine, NNGPChange, ParamChange, AlignmentBefore, AlignmentAfter float64
}

// Moved says how far training takes the nets from what they were at initialisation, on the first
// points of the training rows. It trains the first net, of seed 1, at each of the widths[0], then
// the second at each of the widths[1], and so on. Of a movement the kernels themselves, Before and
// After, are not kept. See [Make] for what is trained here.
func (r Runs) Moved(s *Study, points int, widths ...[]int) ([]fcn.Movement, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if points < 1 {
		return nil, fmt.Errorf("study: %d points; a kernel is compared on 1 at least", points)
	}
	if len(widths) != len(r.Nets) {
		return nil, fmt.Errorf("study: widths for %d of %d nets", len(widths), len(r.Nets))
	}
	var tasks []Task[moved]
	for i, n := range r.Nets {
		for _, width := range widths[i] {
			at := r
			at.Width = width
			tasks = append(tasks, movement(n, at.Run(n, 0), points))
		}
	}
	all, err := Make(s, "training", "nets", tasks...)
	out := make([]fcn.Movement, len(all))
	for i, m := range all {
		out[i] = fcn.Movement{Change: m.Change, Cosine: m.Cosine, NNGPChange: m.NNGPChange,
			ParamChange: m.ParamChange, AlignmentBefore: m.AlignmentBefore,
			AlignmentAfter: m.AlignmentAfter}
	}
	return out, err
}

// movement trains a net and compares it with itself before.
func movement(n Net, run train.Run, points int) Task[moved] {
	model := run.Model.(fcn.Model)
	points = min(points, run.Problem.XTrain.RawMatrix().Rows)
	return Task[moved]{
		Label: n.RecordLabel(fmt.Sprintf("width-%d-moved", model.Config.Width)),
		Key: struct {
			Run    train.Identity
			Points int
		}{run.Identity(), points},
		Steps: run.Settings.Epochs,
		Run: func(ctx context.Context, folder string, report func(Report)) (moved, error) {
			net, err := fcn.New(model.Arch, model.Config)
			if err != nil {
				return moved{}, err
			}
			before := net.Clone()
			settings := Kept(run.Settings, folder, report)
			if _, err := train.Train(ctx, net, run.Problem, settings); err != nil {
				return moved{}, err
			}
			m, err := net.Moved(before, top(run.Problem.XTrain, points),
				top(run.Problem.YTrain, points))
			if err != nil {
				return moved{}, err
			}
			return moved{m.Change, m.Cosine, m.NNGPChange, m.ParamChange, m.AlignmentBefore,
				m.AlignmentAfter}, nil
		},
	}
}

// top returns a copy of the first rows.
func top(m *mat.Dense, rows int) *mat.Dense {
	return mat.DenseCopyOf(m.Slice(0, rows, 0, m.RawMatrix().Cols))
}
