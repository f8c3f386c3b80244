package plotting

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// mimeComparisons is JSON, a list of [comparisonRow], beside the table that shows it.
const mimeComparisons protocol.MIMEType = "application/vnd.kernelsmith.comparisons"

// A Comparison is a published number and ours.
type Comparison struct {
	Quantity string // what it is, with the setting: "test loss, 4HL ReLU, epoch 1020"
	Source   string // where it was published: "blog post, Figure 4"

	Published, Ours float64
	// PublishedSpread and OursSpread are standard deviations, over trials say; 0 is not known or
	// none.
	PublishedSpread, OursSpread float64
	// PublishedTrials and OursTrials say of how many trials the numbers are means; 0 or 1 is a
	// number by itself. With them the numbers are shown with their standard errors.
	PublishedTrials, OursTrials int

	// Tolerance is how far apart the two may be to agree. 0 beside trials means three standard
	// errors of the difference of the two means.
	Tolerance float64
	// Why says in a few words where the tolerance comes from: "two spreads", "last printed digit".
	Why string
	// Effect is the size of what the numbers are there to show, the distance of two nets say. A
	// tolerance is cut to half of it, since numbers that far apart would not show it; 0 cuts
	// nothing.
	Effect float64
}

// Agrees tells whether ours is within the tolerance of the published number, but for
// the rounding of their difference.
func (c Comparison) Agrees() bool {
	within, _ := c.within()
	return math.Abs(c.difference()) <= within*(1+1e-9)+1e-12*math.Abs(c.Published)
}

// standardErrors are those of the two numbers as means, 0 where the trials are not known.
func (c Comparison) standardErrors() (published, ours float64) {
	of := func(spread float64, trials int) float64 {
		if trials < 2 {
			return 0
		}
		return spread / math.Sqrt(float64(trials))
	}
	return of(c.PublishedSpread, c.PublishedTrials), of(c.OursSpread, c.OursTrials)
}

// within is the tolerance that holds, and where it is from.
func (c Comparison) within() (tolerance float64, why string) {
	tolerance, why = c.Tolerance, c.Why
	if tolerance == 0 && (c.PublishedTrials > 1 || c.OursTrials > 1) {
		p, o := c.standardErrors()
		tolerance, why = 3*math.Hypot(p, o), "three standard errors of the difference"
	}
	if c.Effect > 0 && tolerance > c.Effect/2 {
		tolerance, why = c.Effect/2, "half of the effect"
	}
	return tolerance, why
}

// difference is ours less the published number; what is rounding is 0.
func (c Comparison) difference() float64 {
	if d := c.Ours - c.Published; math.Abs(d) >= 1e-9*math.Abs(c.Published) {
		return d
	}
	return 0
}

func (c Comparison) check() error {
	if c.Quantity == "" {
		return errors.New("its Quantity is empty: say what is compared")
	}
	for _, v := range []struct {
		name     string
		value    float64
		negative bool
	}{
		{"Published", c.Published, true}, {"Ours", c.Ours, true},
		{"PublishedSpread", c.PublishedSpread, false}, {"OursSpread", c.OursSpread, false},
		{"Tolerance", c.Tolerance, false}, {"Effect", c.Effect, false},
		{"PublishedTrials", float64(c.PublishedTrials), false},
		{"OursTrials", float64(c.OursTrials), false},
	} {
		if math.IsNaN(v.value) || math.IsInf(v.value, 0) || !v.negative && v.value < 0 {
			return fmt.Errorf(
				"%s of %q is %v: want a finite number, and no spread, trials, tolerance or effect "+
					"below 0", v.name, c.Quantity, v.value)
		}
	}
	return nil
}

type comparisonRow struct {
	Quantity   string `json:"quantity"`
	Source     string `json:"source"`
	Published  string `json:"published"`
	Ours       string `json:"ours"`
	Difference string `json:"difference"`
	Tolerance  string `json:"tolerance"`
	Why        string `json:"why"`
	Agrees     bool   `json:"agrees"`
}

func (c Comparison) row() comparisonRow {
	apart := c.difference()
	number := func(v float64) string { return minus(strconv.FormatFloat(v, 'g', 4, 64)) }
	two := func(v float64) string { return minus(strconv.FormatFloat(v, 'g', 2, 64)) }
	spread := func(v, spread, ofMean float64, trials int) string {
		switch {
		case ofMean != 0:
			return fmt.Sprintf("%s ± %s (%d trials)", number(v), two(ofMean), trials)
		case spread != 0:
			return number(v) + " ± " + two(spread)
		}
		return number(v)
	}
	p, o := c.standardErrors()
	tolerance, why := c.within()
	return comparisonRow{
		Quantity: c.Quantity, Source: c.Source,
		Published:  spread(c.Published, c.PublishedSpread, p, c.PublishedTrials),
		Ours:       spread(c.Ours, c.OursSpread, o, c.OursTrials),
		Difference: two(apart), Tolerance: minus(strconv.FormatFloat(tolerance, 'g', 3, 64)),
		Why: why, Agrees: c.Agrees(),
	}
}

// ShowCompared displays a table as [ShowTable] does, and hands the comparisons in it to the
// published report, which collects them from all notebooks on a page of its own. Without
// comparisons it is [ShowTable].
func ShowCompared(
	header []string, rows [][]string, caption string, comparisons []Comparison,
) error {
	if len(comparisons) == 0 {
		return ShowTable(header, rows, caption)
	}
	list := make([]comparisonRow, len(comparisons))
	for i, c := range comparisons {
		if err := c.check(); err != nil {
			return fail(fmt.Errorf("plotting: comparison %d: %w", i+1, err))
		}
		list[i] = c.row()
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		return fail(fmt.Errorf("plotting: encoding comparisons: %w", err))
	}
	return showTable(header, rows, caption,
		map[protocol.MIMEType]any{mimeComparisons: string(encoded)})
}
