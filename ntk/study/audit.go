package study

import (
	"fmt"
	"slices"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/plotting"
)

// ShowAudit shows what there is to know of a set before kernels are compared on it, as one table
// and one picture ([AuditFigure]): the norms of its rows and the recommended design radius, rows
// that are equal and nearly equal, classes, constant columns. An empty caption is made of the
// findings.
func ShowAudit(a *data.Audit, caption string) error {
	if a == nil || len(a.Train.Norms) != 101 || len(a.Test.Norms) != 101 {
		return fmt.Errorf("study: an audit without norms; take one by Dataset.Audit")
	}
	if caption == "" {
		caption = auditCaption(a)
	}
	err := plotting.ShowTable([]string{a.Name, "training rows", "test rows"}, auditRows(a), caption)
	if err != nil {
		return err
	}
	return plotting.Show(AuditFigure(a), caption)
}

// AuditFigure draws the distribution of ‖x‖²/d in both parts of a set, the percentage of rows that
// have at most so much, with the square of the recommended design radius as a vertical line; and
// the percentage of rows in each class.
func AuditFigure(a *data.Audit) *plotting.Grid {
	train, test := a.Train.Norms, a.Test.Norms
	norms := plotting.New(plotting.Options{X: "‖x‖²/d", Y: "% of rows up to it",
		LogX: train[0] > 0 && test[0] > 0 && train[100] > 10*train[0]})
	percent := make([]float64, 101)
	for i := range percent {
		percent[i] = float64(i)
	}
	most := 100 / float64(a.Classes)
	share := func(p data.AuditPart) (class, percent []float64) {
		for c, n := range p.ClassCounts {
			class = append(class, float64(c))
			percent = append(percent, 100*float64(n)/float64(p.Rows))
			most = max(most, percent[c])
		}
		return class, percent
	}
	class, inTrain := share(a.Train)
	_, inTest := share(a.Test)
	classes := plotting.New(plotting.Options{X: "class", Y: "% of rows",
		YRange: &[2]float64{0, 1.1 * most}})
	// The test rows are drawn over the training rows, which are often the same.
	norms.Line("training", train, percent, plotting.Weight(4))
	norms.Line("test", test, percent, plotting.Weight(1.5))
	classes.Points("training", class, inTrain, plotting.Weight(8))
	classes.Points("test", class, inTest, plotting.Weight(4))
	if a.Radius > 0 {
		norms.VLine("recommended radius²", a.Radius*a.Radius, plotting.Dashed)
	}
	classes.HLine("equal classes", 100/float64(a.Classes), plotting.Dotted)
	return plotting.Panels([][]plotting.Drawing{{norms, classes}},
		plotting.PanelOptions{Letters: true, SharedLegend: true})
}

// auditRows are the lines of the table.
func auditRows(a *data.Audit) [][]string {
	both := func(what, format string, of func(p data.AuditPart) any) []string {
		return []string{what, fmt.Sprintf(format, of(a.Train)), fmt.Sprintf(format, of(a.Test))}
	}
	rows := [][]string{both("rows", "%d", func(p data.AuditPart) any { return p.Rows })}
	for _, q := range []struct {
		name    string
		percent int
	}{{"smallest", 0}, {"5 %", 5}, {"median", 50}, {"95 %", 95}, {"largest", 100}} {
		rows = append(rows, both("‖x‖²/d, "+q.name, "%.4g",
			func(p data.AuditPart) any { return p.Norms[q.percent] }))
	}
	count := func(what string, of func(p data.AuditPart) any) {
		rows = append(rows, both(what, "%d", of))
	}
	rows = append(rows, []string{"recommended radius over √d", fmt.Sprintf("%.4g", a.Radius), ""})
	count("zero rows", func(p data.AuditPart) any { return p.Zero })
	count("equal to an earlier row of the part", func(p data.AuditPart) any { return p.Repeated })
	count("equal to a row of the other part", func(p data.AuditPart) any { return p.Shared })
	rows = append(rows, []string{"equal rows with different labels",
		fmt.Sprintf("%d groups", a.Conflicting), ""})
	within := fmt.Sprintf("within %.2g %% of a row of the ", 100*a.NearTolerance)
	count(within+"part", func(p data.AuditPart) any { return p.Near })
	count(within+"other part", func(p data.AuditPart) any { return p.NearShared })
	rows = append(rows, nearRows(a)...)
	class := func(p data.AuditPart, pick func([]int) int) string {
		n := pick(p.ClassCounts)
		c := slices.Index(p.ClassCounts, n)
		if c < len(a.ClassNames) {
			return fmt.Sprintf("%d (%s)", n, a.ClassNames[c])
		}
		return fmt.Sprintf("%d (class %d)", n, c)
	}
	return append(rows,
		both("smallest class", "%s", func(p data.AuditPart) any { return class(p, slices.Min) }),
		both("largest class", "%s", func(p data.AuditPart) any { return class(p, slices.Max) }),
		[]string{fmt.Sprintf("constant of %d columns", a.Features),
			fmt.Sprint(len(a.Constant)),
			fmt.Sprint(len(a.Constant) - len(a.VaryInTest))})
}

// nearRows are the lines of nearly equal rows: how many pairs, and the nearest.
func nearRows(a *data.Audit) (rows [][]string) {
	const shown = 3
	for k, p := range a.Near[:min(shown, len(a.Near))] {
		name := ""
		if k == 0 {
			name = fmt.Sprintf("the nearest of %d such pairs", len(a.Near))
			if a.NearMore {
				name = fmt.Sprintf("the nearest of more than %d such pairs", len(a.Near))
			}
		}
		rows = append(rows, []string{name, fmt.Sprintf("rows %d and %d", p.First, p.Second),
			fmt.Sprintf("%.2g %% apart", 100*p.Distance)})
	}
	return rows
}

// auditCaption says in a sentence what was found.
func auditCaption(a *data.Audit) string {
	equal := "no two rows are equal"
	if len(a.Duplicates) > 0 {
		equal = fmt.Sprintf("groups of equal rows: %d, test rows that are training rows too: %d",
			len(a.Duplicates), a.Test.Shared)
	}
	norms := a.Train.Norms
	return fmt.Sprintf("%s, %s: ‖x‖²/d of the training rows from %.3g to %.3g, 5 to 95 %% from "+
		"%.3g to %.3g; recommended radius %.3g √d; %s.", a.Name, a.Normalization, norms[0],
		norms[100], norms[5], norms[95], a.Radius, equal)
}
