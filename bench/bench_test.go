package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// The field of a name may have brackets and spaces in it, and guest time is in user time already.
func TestClocksAreReadFromProc(t *testing.T) {
	busy, steal, err := parseStat([]byte("cpu  100 20 30 4000 500 6 7 80 90 0\ncpu0 1 2 3\n"))
	if err != nil || math.Abs(busy-2.43) > 1e-12 || math.Abs(steal-0.8) > 1e-12 {
		t.Errorf("busy %v, stolen %v, %v", busy, steal, err)
	}
	own, err := parseProcess([]byte("12 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0"))
	if err != nil || own != 3 {
		t.Errorf("%v s, %v", own, err)
	}
	for _, bad := range []string{"", "cpu 1 2", "intr 1 2 3 4 5 6 7 8 9", "cpu a b c d e f g h"} {
		if _, _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q is no error", bad)
		}
	}
}

// What others did is what is busy and not one's own; two ticks of the clock are no evidence.
func TestDisturbance(t *testing.T) {
	begin := time.Unix(0, 0)
	from := clock{at: begin, busy: 10, own: 5}
	to := clock{at: begin.Add(time.Second), busy: 11, own: 5.5}
	if part := others(from, to); part < 0.5/1024 || part > 0.5 {
		t.Errorf("others had %v", part)
	}
	to.own = 5.98
	if part := others(from, to); part != 0 {
		t.Errorf("%v for two ticks", part)
	}
}

func TestMedianAndExponents(t *testing.T) {
	v := []float64{3, 1, 2}
	if median(v) != 2 || median(v[:2]) != 2 || v[0] != 3 {
		t.Error(median(v), median(v[:2]), v)
	}
	sizes := []float64{1, 2, 4, 8}
	exact := fitExponent(sizes, []float64{5, 20, 80, 320})
	if math.Abs(exact.Value-2) > 1e-12 || exact.Error > 1e-12 {
		t.Errorf("5 n² has the exponent %v ± %v", exact.Value, exact.Error)
	}
	// In base 2 the residuals are 1, -1, -1, 1, and the slope's variance is 4/2/5.
	off := fitExponent(sizes, []float64{2, 1, 2, 16})
	if math.Abs(off.Value-1) > 1e-12 || math.Abs(off.Error-math.Sqrt(0.4)) > 1e-12 {
		t.Errorf("%v ± %v, and 1 ± %v is right", off.Value, off.Error, math.Sqrt(0.4))
	}
	if none := fitExponent(sizes, []float64{0, 1, 2, 3}); none != (exponent{}) {
		t.Error(none)
	}
}

func TestResultsMustAgree(t *testing.T) {
	if d, err := agree([]float64{1, 10}, []float64{1.05, 10}, 0.01); err != nil ||
		math.Abs(d-0.005) > 1e-15 {
		t.Error(d, err)
	}
	for _, theirs := range [][]float64{{1}, {1, 10.2}, {math.NaN(), 10}} {
		if _, err := agree([]float64{1, 10}, theirs, 0.01); err == nil {
			t.Errorf("%v agrees", theirs)
		}
	}
}

// Both sides read the same numbers, in single precision rounded ones.
func TestInputs(t *testing.T) {
	folder := t.TempDir()
	for _, kind := range []string{"sphere", "norms", "images", "uniform", "classes", "parity"} {
		in := input{kind: kind, n: 40, d: 30, seed: 1}
		double, err := read[float64](ntk.Must(in.file(folder, "float64")))
		if err != nil {
			t.Fatal(err)
		}
		single, err := read[float32](ntk.Must(in.file(folder, "float32")))
		if err != nil || len(single) != 1200 || len(double) != 1200 {
			t.Fatal(len(single), len(double), err)
		}
		squares := make([]float64, in.n)
		for i, v := range double {
			if float32(v) != single[i] {
				t.Fatalf("%s: entry %d is %v and %v", kind, i, v, single[i])
			}
			squares[i/in.d] += v * v
		}
		for i, s := range squares {
			low, high := 30., 30.
			switch kind {
			case "norms":
				low, high = 30./9, 30.*9
			case "images", "uniform":
				low, high = 2, 300
			case "classes":
				low, high = 1, 1
			}
			if s < low-1e-9 || s > high+1e-9 {
				t.Errorf("%s: row %d has the squared norm %v", kind, i, s)
			}
		}
	}
	in := input{kind: "parity", n: 50, d: 3, seed: 2}
	signs := ntk.Must(read[float64](ntk.Must(in.file(folder, "float64"))))
	in.kind = "parities"
	products := ntk.Must(read[float64](ntk.Must(in.file(folder, "float64"))))
	if len(products) != in.n {
		t.Fatal(len(products))
	}
	for i, p := range products {
		if p != signs[3*i]*signs[3*i+1]*signs[3*i+2] || math.Abs(p) != 1 {
			t.Errorf("the parity of row %d is %v", i, p)
		}
	}
}

// Names are unique, sizes are there, and the table has the rows that are asked of it.
func TestTableOfRows(t *testing.T) {
	t.Chdir("..")
	seen := map[string]bool{}
	rows, onDevices := allRows(sizes{memory: 24e9}), deviceRows(sizes{})
	for _, r := range append(onDevices, rows...) {
		if seen[r.ID] {
			t.Errorf("two rows are called %s", r.ID)
		}
		seen[r.ID] = true
		if r.Title == "" || r.Unit == "" || r.Group == "" || len(r.Peers) == 0 {
			t.Errorf("%s lacks what a line of the table needs", r.ID)
		}
		if r.Op != "start" && operations[r.Op] == nil {
			t.Errorf("%s: there is no operation %q", r.ID, r.Op)
		}
		if !r.Value && (r.Tolerance <= 0 || r.Why == "") {
			t.Errorf("%s: no tolerance, or none that is explained", r.ID)
		}
	}
	if len(rows) < 30 {
		t.Errorf("%d rows", len(rows))
	}
	for id := range reasons {
		if !seen[id] {
			t.Errorf("there is a reason for the row %s, which there is not", id)
		}
	}
	other := *rows[0]
	other.X.seed++
	if other.key() == rows[0].key() {
		t.Error("other inputs, the same key")
	}
	if r := allRows(sizes{memory: 1e12}); len(r) != len(rows) {
		t.Errorf("%d rows on a large machine, %d on a small one", len(r), len(rows))
	}
}

// Kernelsmith's side answers each request with a line, and an error does not end it.
func TestSideAnswers(t *testing.T) {
	in := input{kind: "sphere", n: 5, d: 4, seed: 1}
	x := ntk.Must(in.file(t.TempDir(), "float64"))
	var to bytes.Buffer
	var from strings.Builder
	for _, q := range []request{
		{Do: "run"}, {Do: "prepare", Op: "none"}, {Do: "about"},
		{Do: "prepare", Op: "gram", Args: &arguments{X: x, N: 5, D: 4, Type: "float64",
			Net: paperNet("relu")}},
		{Do: "run"}, {Do: "drop"}, {Do: "run"},
	} {
		b, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		from.WriteString(string(b) + "\n")
	}
	if err := plainSide.serve(t.Context(), strings.NewReader(from.String()), &to); err != nil {
		t.Fatal(err)
	}
	var replies []reply
	for d := json.NewDecoder(&to); d.More(); {
		var r reply
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		replies = append(replies, r)
	}
	if len(replies) != 7 {
		t.Fatalf("%d replies", len(replies))
	}
	for i, wrong := range []bool{true, true, false, false, false, false, true} {
		if (replies[i].Error != "") != wrong {
			t.Errorf("reply %d: %+v", i, replies[i])
		}
	}
	// The first entry that is compared is (0, 13 mod 5) of both matrices.
	K := ntk.Must(kernelOf(paperNet("relu")))
	v := ntk.Must(read[float64](x))
	var product float64
	for j := range 4 {
		product += v[j] * v[12+j] / 4
	}
	right := ntk.Must(K.Curve([]float64{product}))[0]
	if got := replies[4].Values; len(got) != 128 || math.Abs(got[64]-right) > 1e-12 {
		t.Errorf("the NTK of rows 0 and 3 is %v, and by its curve %v", got[64], right)
	}
}

// Results come back as they were written, and a page says what was lost and why.
func TestResultsAndPage(t *testing.T) {
	folder := t.TempDir()
	order := []*row{{ID: "b"}, {ID: "a"}}
	r := ntk.Must(loadResults(filepath.Join(folder, "none.json")))
	line := func(id string, ours, theirs float64) *measured {
		return &measured{ID: id, Group: "G", Title: "row " + id, Unit: "s", Type: "float64",
			Products: 1e9, Tolerance: 1, Sides: []*timing{
				{Side: kernelsmith, Median: ours, Least: ours, Greatest: ours},
				{Side: pytorch, Median: theirs, Least: theirs, Greatest: 2 * theirs}}}
	}
	r.put(line("a", 2, 1), order)
	r.put(line("b", 1, 9), order)
	r.put(line("b", 1, 10), order)
	r.Limits = []limit{{kernelsmith, "float64", 4e9}}
	r.Growth = []*growth{{ID: "g", Title: "grows", Size: "n", At: []float64{1, 2, 4}}}
	path := filepath.Join(folder, "r.json")
	if err := r.save(path); err != nil {
		t.Fatal(err)
	}
	r = ntk.Must(loadResults(path))
	if len(r.Rows) != 2 || r.Rows[0].ID != "b" || r.Rows[0].best().Median != 10 ||
		r.Rows[0].lost() || !r.Rows[1].lost() || r.bound(r.Rows[0]) != 0.25 {
		t.Fatalf("%+v", r.Rows)
	}
	out := filepath.Join(folder, "page.md")
	if err := writePage(r, out); err != nil {
		t.Fatal(err)
	}
	b := string(ntk.Must(os.ReadFile(out)))
	for _, want := range []string{"ahead in 1, behind in 1", "**lost:** `a`: row a",
		"Not explained yet", "**10 ×**", "10 (10–20)", "4 ×", "| grows |", "page.png"} {
		if !strings.Contains(b, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if info, err := os.Stat(filepath.Join(folder, "page.png")); err != nil || info.Size() < 1000 {
		t.Error("no picture", err)
	}
	if err := os.WriteFile(path, []byte(`{"Format":2}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := loadResults(path); err == nil {
		t.Error("a format of later is no error")
	}
}

// One page is of one machine and of one version of each side.
func TestResultsOfAnotherMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	var log bytes.Buffer
	b := &bench{settings: settings{out: path, log: &log}}
	here := machine{Processor: "P", Processors: 2, MemoryGB: 25, Date: "2026-12-01"}
	r := &results{Format: 1, Machine: here, Rows: []*measured{{ID: "a"}}}
	if err := r.save(path); err != nil {
		t.Fatal(err)
	}
	same := here
	same.MemoryGB, same.Date = 24.9, ""
	r, err := b.resume(same)
	if err != nil || len(r.Rows) != 1 || r.Machine.Date != here.Date || log.Len() > 0 {
		t.Fatalf("%+v, %v, %q", r, err, &log)
	}
	one := about{Name: pytorch, Versions: map[string]string{"PyTorch": "2"}, Threads: 2}
	if err := errors.Join(r.setSide(one), r.setSide(one)); err != nil || len(r.Sides) != 1 {
		t.Error(r.Sides, err)
	}
	one.Versions = map[string]string{"PyTorch": "3"}
	if err := r.setSide(one); err == nil || !strings.Contains(err.Error(), "PyTorch 2") {
		t.Error(err)
	}
	same.Processors = 4
	r, err = b.resume(same)
	if err != nil || len(r.Rows) != 0 || !strings.Contains(log.String(), path+".old") {
		t.Fatalf("%+v, %v, %q", r, err, &log)
	}
	if old := ntk.Must(loadResults(path + ".old")); len(old.Rows) != 1 {
		t.Error("the results of the other machine are lost")
	}
}

func TestDigits(t *testing.T) {
	for _, c := range []struct {
		x    float64
		n    int
		want string
	}{{1118, 3, "1120"}, {0.00441, 3, "0.00441"}, {13649, 2, "14000"}, {8.85e6, 3, "8.85e+06"},
		{1.05e-15, 3, "1.05e-15"}, {0, 3, "0"}, {2.5, 3, "2.5"}, {99999, 2, "1e+05"}} {
		if got := digits(c.x, c.n); got != c.want {
			t.Errorf("%g with %d digits is %q, want %q", c.x, c.n, got, c.want)
		}
	}
}

// A row is measured again if it changed, if a side had an error, and if one was left out before.
func TestWhatIsDue(t *testing.T) {
	r := &row{ID: "a", Op: "gram"}
	b, all := &bench{}, &bench{settings: settings{without: []string{pytorch}}}
	done := func(sides ...*timing) *measured {
		return &measured{ID: "a", Key: r.key(), Sides: sides}
	}
	out := done(&timing{Side: pytorch, Lacks: leftOut})
	for i, c := range []struct{ got, want bool }{
		{b.due(r, nil), true}, {b.due(r, done()), false},
		{b.due(&row{ID: "a", Op: "conv"}, done()), true},
		{b.due(r, done(&timing{Error: "no"})), true},
		{b.due(r, done(&timing{Lacks: "does not fit"})), false},
		{b.due(r, out), true}, {all.due(r, out), false},
	} {
		if c.got != c.want {
			t.Errorf("case %d: %v", i, c.got)
		}
	}
}

// Flags that mean nothing are an error before anything is started.
func TestWrongFlags(t *testing.T) {
	for _, arguments := range [][]string{{"-rows", "("}, {"-repetitions", "0"}, {"-least", "-1"},
		{"what"}, {"-unknown"}, {"-without", "JAX"}, {"-device", "-without", pytorch}} {
		if err := run(t.Context(), arguments); err == nil {
			t.Errorf("%v is no error", arguments)
		}
	}
}

// The trials of a row are trained as they are by themselves; a device that trains none of them is
// an error and no time.
func TestTrials(t *testing.T) {
	row := trialsRow("parity", 40, 1, 2, 16, 31, &net{Phi: "sine", Depth: 1, WeightStd: 1})
	b := &bench{settings: settings{folder: t.TempDir()}}
	a, err := b.files(row)
	if err != nil || len(a.Files) != 2 {
		t.Fatal(a.Files, err)
	}
	op := ntk.Must(trialsOperation(&a, nil))
	if err := op.work(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := op.values()
	if len(v) != 6 || !(v[0] > v[1] && v[1] > v[2] && v[2] > 0) || op.seconds() <= 0 {
		t.Errorf("losses %v, %v s", v, op.seconds())
	}
	a.File = a.Files[1]
	alone := ntk.Must(trainOperation(t.Context(), &a))
	if err := alone.work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w := alone.values(); math.Abs(w[0]-v[5]) > 1e-5*v[3] {
		t.Errorf("the last loss of the second trial is %v, and %v alone", v[5], w)
	}
	op = ntk.Must(trialsOperation(&a, lazy{}))
	if err := op.work(t.Context()); err == nil || !strings.Contains(err.Error(), "too lazy") {
		t.Error(err)
	}
}

// lazy is a device that trains nothing.
type lazy struct{}

func (lazy) String() string { return "lazy" }

func (lazy) NewSteps([]*train.Trial) (train.Steps, string, error) { return nil, "too lazy", nil }

// JAX on another device than the plugin's is an error; the table says what there is of each row.
func TestDevices(t *testing.T) {
	r := &results{Sides: []about{
		{Name: kernelsmith},
		{Name: onDevice, Versions: map[string]string{"on": "PJRT, cuda: H200"}},
		{Name: jaxOnDevice, Versions: map[string]string{"on": "H200"}},
	}}
	if err := r.onOneDevice(); err != nil {
		t.Error(err)
	}
	r.Sides[2].Versions["on"] = "cpu"
	if err := r.onOneDevice(); err == nil || !strings.Contains(err.Error(), "JAX on cpu") {
		t.Error(err)
	}
	r.Rows = []*measured{{Title: "a step", Unit: "ms", Sides: []*timing{
		{Side: kernelsmith, Median: 3, Least: 2, Greatest: 4},
		{Side: onDevice, Error: "no\nmemory"}, {Side: jaxOnDevice, Lacks: leftOut},
	}}}
	var to bytes.Buffer
	if err := writeDevices(&to, r); err != nil {
		t.Fatal(err)
	}
	want := "| a step | 3 (2–4) ms | error: no memory | left out of this run | 0.0e+00 |\n"
	if !strings.Contains(to.String(), want) {
		t.Error(to.String())
	}
}
