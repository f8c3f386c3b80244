package train_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kernelsmith/kernelsmith/ntk"
	. "github.com/kernelsmith/kernelsmith/ntk/train"
)

func TestExportedTracesLoadAgain(t *testing.T) {
	odd := &Trace{Net: "φ <&> \u2028", Notes: []string{"a, \"b\"\nc"}, Points: []Point{
		{
			0,
			5e-324,
			math.MaxFloat64,
			1. / 3,
			0.1,
		},
		{7, math.Nextafter(1, 2), 1e21, 1, math.Copysign(0, -1)},
	}}
	run := checkpointRun("")
	for _, trace := range []*Trace{odd, {}, ntk.Must(run.Train(context.Background()))} {
		var j, c bytes.Buffer
		if err := errors.Join(trace.WriteJSON(&j), trace.WriteCSV(&c)); err != nil {
			t.Fatal(err)
		}
		got, err := ReadTraceJSON(&j)
		if d := cmp.Diff(trace, got); d != "" || err != nil {
			t.Errorf("JSON: %v\n%s", err, d)
		}
		points, err := ReadPointsCSV(&c)
		if d := cmp.Diff(trace.Points, points); d != "" || err != nil {
			t.Errorf("CSV: %v\n%s", err, d)
		}
	}
	if bits := ntk.Must(ReadPointsCSV(strings.NewReader(csvOf(t,
		odd))))[1].TestAccuracy; !math.Signbit(
		bits,
	) {
		t.Error("-0 became 0")
	}
}

func csvOf(t *testing.T, trace *Trace) string {
	t.Helper()
	var c bytes.Buffer
	if err := trace.WriteCSV(&c); err != nil {
		t.Fatal(err)
	}
	return c.String()
}

func TestBadExports(t *testing.T) {
	good := csvOf(t, &Trace{Points: []Point{{0, 1, 2, 0.5, 0.5}, {7, 1, 2, 0.5, 0.5}}})
	for _, c := range []struct{ says, from, to string }{
		{"no line of column names", good, ""},
		{"columns are", "epoch", "step"},
		{"line 3: \"x\" is no epoch", "\n7", "\nx"},
		{"line 2: \"-1\" is no epoch", "\n0", "\n-1"},
		{"line 2: train_loss is \"NaN\"", "0,1,2", "0,NaN,2"},
		{"line 2: test_loss is \"\"", "0,1,2", "0,1,"},
		{"fields", "0,1,2", "0,1"},
		{"epoch 0, after one at epoch 0", "\n7", "\n0"},
	} {
		if _, err := ReadPointsCSV(
			strings.NewReader(strings.Replace(good, c.from, c.to, 1))); err == nil ||
			!strings.Contains(err.Error(), c.says) {
			t.Errorf("error %v, must say %q", err, c.says)
		}
	}
	for says, text := range map[string]string{
		"not a trace": "{", "unknown field": `{"Nett": ""}`, "behind the trace": "{} {}",
		"epochs increase": `{"Points": [{"Epoch": 3}, {"Epoch": 1}]}`,
	} {
		if _, err := ReadTraceJSON(strings.NewReader(text)); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("error %v, must say %q", err, says)
		}
	}
	if err := (&Trace{Points: []Point{{TestLoss: math.NaN()}}}).WriteJSON(
		&bytes.Buffer{},
	); err == nil {
		t.Error("NaN in JSON must be an error")
	}
	if err := (&Trace{}).WriteCSV(failing{}); err == nil {
		t.Error("a writer that fails must be an error")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no") }

func TestSummaryCSV(t *testing.T) {
	s := ntk.Must(
		Summarize(
			[]*Trace{{Points: []Point{{5, 1, 2, 0, 0.5}}}, {Points: []Point{{5, 3, 2, 1, 0.5}}}}),
	)
	var b bytes.Buffer
	if err := s.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	rows := ntk.Must(csv.NewReader(&b).ReadAll())
	want := [][]string{
		{
			"epoch",
			"train_loss",
			"train_loss_std",
			"test_loss",
			"test_loss_std",
			"train_accuracy",
			"train_accuracy_std",
			"test_accuracy",
			"test_accuracy_std",
		},
		{"5", "2", "1.4142135623730951", "2", "0", "0.5", "0.7071067811865476", "0.5", "0"},
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
}
