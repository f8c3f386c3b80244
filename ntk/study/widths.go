package study

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/train"
	"github.com/kernelsmith/kernelsmith/plotting"
)

// AtWidth returns the runs at another width, which takes the place of Label in the names of their
// records. At the width that they have the runs stay as they are.
func (r Runs) AtWidth(width int) Runs {
	if width != r.Width {
		r.Width, r.Label = width, fmt.Sprintf("width-%d", width)
	}
	return r
}

// Train returns the results of several experiments, of which it makes the missing runs under one
// progress line; see [Make].
func (s *Study) Train(runs ...Runs) ([]*Results, error) {
	var tasks []Task[*train.Trace]
	for _, r := range runs {
		tasks = append(tasks, r.Tasks()...)
	}
	if _, err := Make(s, "training", "runs", tasks...); err != nil {
		return nil, err
	}
	out := make([]*Results, len(runs))
	for i, r := range runs {
		var err error
		if out[i], err = r.Recorded(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// AgainstWidth draws the losses at an epoch against the width of the nets, on the training and on
// the test rows: of results at several widths the mean over trials with a band of one standard
// deviation, and these limits of infinite width as dashed lines. A net without a measurement at
// the epoch is left out there.
func (r *Results) AgainstWidth(results []*Results, epoch int) *plotting.Grid {
	panels := make([]plotting.Drawing, 2)
	for part, m := range measurements[:2] {
		f := plotting.New(plotting.Options{
			X: "width", Y: fmt.Sprintf("%s loss at epoch %d", m.part, epoch), LogX: true})
		for _, name := range r.names {
			var at, mean, low, high []float64
			for _, finite := range results {
				v, s := finite.At(name, epoch)
				if w := m.at(v); !math.IsNaN(w) {
					at = append(at, float64(finite.traces[name][0].Width))
					mean = append(mean, w)
					low, high = append(low, w-m.at(s)), append(high, w+m.at(s))
				}
			}
			if len(at) == 0 {
				continue
			}
			f.Band(name, at, low, high)
			f.Line(name, at, mean)
			f.Points("", at, mean, plotting.Like(name))
			limit, _ := r.At(name, epoch)
			f.HLine("", m.at(limit), plotting.Thin, plotting.Dashed, plotting.Like(name))
		}
		f.Key("infinite width", plotting.Thin, plotting.Dashed)
		panels[part] = f
	}
	return plotting.Panels([][]plotting.Drawing{panels},
		plotting.PanelOptions{Letters: true, SharedLegend: true, Height: 3.4})
}

// ShowAgainstWidth shows the losses at an epoch as a table, of results at several widths with the
// number of trials and mean ± standard deviation, and of these limits of infinite width.
func (r *Results) ShowAgainstWidth(results []*Results, epoch int, caption string) error {
	header, last := []string{"width"}, []string{"∞"}
	for _, name := range r.names {
		header = append(header, name+", trials", "train loss", "test loss")
		last = append(append(last, ""), r.Losses(name, epoch)...)
	}
	var rows [][]string
	for _, finite := range results {
		row := []string{""}
		for _, name := range r.names {
			trials := finite.traces[name]
			if len(trials) > 0 {
				row[0] = fmt.Sprint(trials[0].Width)
			}
			row = append(append(row, fmt.Sprint(len(trials))), finite.Losses(name, epoch)...)
		}
		rows = append(rows, row)
	}
	return plotting.ShowTable(header, append(rows, last), caption)
}
