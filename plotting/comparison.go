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

	// Tolerance is how far apart the two may be to agree.
	Tolerance float64
	// Why says in a few words where the tolerance comes from: "two spreads", "last printed digit".
	Why string
}

// Agrees tells whether ours is within the tolerance of the published number, but for
// the rounding of their difference.
func (c Comparison) Agrees() bool {
	return math.Abs(c.difference()) <= c.Tolerance*(1+1e-9)+1e-12*math.Abs(c.Published)
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
		{"Tolerance", c.Tolerance, false},
	} {
		if math.IsNaN(v.value) || math.IsInf(v.value, 0) || !v.negative && v.value < 0 {
			return fmt.Errorf(
				"%s of %q is %v: want a finite number, and no spread or tolerance below 0", v.name,
				c.Quantity, v.value)
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
	spread := func(v, s float64) string {
		if s == 0 {
			return number(v)
		}
		return number(v) + " ± " + minus(strconv.FormatFloat(s, 'g', 2, 64))
	}
	return comparisonRow{
		Quantity: c.Quantity, Source: c.Source,
		Published: spread(c.Published, c.PublishedSpread), Ours: spread(c.Ours, c.OursSpread),
		Difference: minus(strconv.FormatFloat(apart, 'g', 2, 64)),
		Tolerance:  number(c.Tolerance), Why: c.Why, Agrees: c.Agrees(),
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
