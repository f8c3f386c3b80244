package train_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"strconv"
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
		got := &Trace{}
		err := json.Unmarshal(j.Bytes(), got)
		if d := cmp.Diff(trace, got); d != "" || err != nil {
			t.Errorf("JSON: %v\n%s", err, d)
		}
		if d := cmp.Diff(trace.Points, pointsOf(t, c.String())); d != "" {
			t.Errorf("CSV: %s", d)
		}
	}
	if bits := pointsOf(t, csvOf(t, odd))[1].TestAccuracy; !math.Signbit(bits) {
		t.Error("-0 became 0")
	}
}

// pointsOf reads what WriteCSV wrote.
func pointsOf(t *testing.T, text string) (points []Point) {
	t.Helper()
	rows := ntk.Must(csv.NewReader(strings.NewReader(text)).ReadAll())
	if d := cmp.Diff([]string{"epoch", "train_loss", "test_loss", "train_accuracy",
		"test_accuracy"}, rows[0]); d != "" {
		t.Fatal(d)
	}
	for _, row := range rows[1:] {
		p := Point{Epoch: ntk.Must(strconv.Atoi(row[0]))}
		for i, v := range []*float64{&p.TrainLoss, &p.TestLoss, &p.TrainAccuracy, &p.TestAccuracy} {
			*v = ntk.Must(strconv.ParseFloat(row[i+1], 64))
		}
		points = append(points, p)
	}
	return points
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
