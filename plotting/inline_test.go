//go:build unix

package plotting

import (
	"archive/zip"
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/janpfeifer/gonb/gonbui/protocol"
	"go.uber.org/goleak"
)

// cellEnv makes the test binary behave as the program of a notebook cell.
const cellEnv = "PLOTTING_TEST_CELL"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(cellEnv) {
	case "":
		goleak.VerifyTestMain(m) // which exits
	case "figure":
		bad := New(Options{})
		bad.Line("4HL ReLU", []float64{0, 1}, []float64{1, math.NaN()})
		Show(bad, "") // as in a cell, which does not look at the error
	case "table":
		ShowTable([]string{"a"}, [][]string{{"1", "2"}}, "")
	default:
		err = cellProgram()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// In a cell nobody looks at the error that Show returns: it has to end the cell.
func TestABadDrawingEndsTheCell(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for kind, says := range map[string]string{"figure": "4HL ReLU",
		"table": "row 1 of the table has 2 cells"} {
		cmd := exec.Command(exe)
		pipe := filepath.Join(t.TempDir(), "pipe")
		cmd.Env = append(os.Environ(), cellEnv+"="+kind, protocol.GONB_PIPE_ENV+"="+pipe,
			protocol.GONB_PIPE_BACK_ENV+"="+pipe)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), says) {
			t.Errorf("%s: %v, must say %q:\n%s", kind, err, says, out)
		}
	}
}

func cellProgram() error {
	p := NewProgress("4HL ReLU", 10)
	for i := range 1000 {
		p.Set(i, "")
	}
	p.Done("loss <0.25>")
	empty := New(Options{X: "c", Y: "K(c)", Width: 2, Height: 1})
	return errors.Join(
		Show(small(), "A <caption> & more"),
		Show(empty, ""),
		ShowTable([]string{"net", "loss"}, [][]string{{"4HL <ReLU>", "0.25"}, {"1HL", "—"}},
			"Losses"),
		ShowMarkdown("**bold**"),
		ShowCompared([]string{"", "ours"}, [][]string{{"loss", "0.24"}}, "Published against ours",
			[]Comparison{
				{
					Quantity:        "loss",
					Source:          "Table 1",
					Published:       0.25,
					PublishedSpread: 0.01,
					Ours:            0.24,
					Tolerance:       0.02,
					Why:             "two spreads",
				},
				{Quantity: "bias", Published: -1, Ours: -1.5, Tolerance: 0.1},
			}),
	)
}

// runCell runs cellProgram with the pipes that the kernel gives a program, and returns what
// arrived.
func runCell(t *testing.T) []protocol.DisplayData {
	t.Helper()
	dir := t.TempDir()
	there, back := filepath.Join(dir, "there"), filepath.Join(dir, "back")
	for _, p := range []string{there, back} {
		if err := syscall.Mkfifo(p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), cellEnv+"=1", protocol.GONB_PIPE_ENV+"="+there,
		protocol.GONB_PIPE_BACK_ENV+"="+back)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	received := make(chan []protocol.DisplayData, 1)
	failed := make(chan error, 1)
	go func() {
		all, err := serve(there, back)
		received <- all
		failed <- err
	}()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	all := <-received
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	return all
}

// serve is the kernel's side: it collects what is displayed, in order, and confirms each Sync.
func serve(there, back string) ([]protocol.DisplayData, error) {
	r, err := os.Open(there)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	w, err := os.OpenFile(back, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	dec, enc := gob.NewDecoder(r), gob.NewEncoder(w)
	var all []protocol.DisplayData
	for {
		var d protocol.DisplayData
		if err := dec.Decode(&d); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, err
		}
		comm, ok := d.Data[protocol.MIMECommValue].(protocol.CommValue)
		if !ok {
			all = append(all, d)
			continue
		}
		if err := enc.Encode(
			protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: comm.Value},
		); err != nil {
			return all, err
		}
	}
}

func TestWhatANotebookReceives(t *testing.T) {
	all := runCell(t)
	var shown []protocol.DisplayData
	var lines []string
	ids := map[string]bool{}
	for _, d := range all {
		if d.DisplayID != "" {
			ids[d.DisplayID] = true
			lines = append(lines, d.Data[protocol.MIMETextHTML].(string))
			continue
		}
		shown = append(shown, d)
	}

	if len(ids) != 1 || len(lines) < 2 {
		t.Fatalf("progress wrote %d lines to %d displays", len(lines), len(ids))
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, "4HL ReLU: loss &lt;0.25&gt; · ") {
		t.Errorf("progress ends with %q", last)
	}

	if len(shown) != 5 {
		t.Fatalf("%d outputs, want 5", len(shown))
	}
	picture := shown[0]
	b, _ := picture.Data[protocol.MIMEImagePNG].([]byte)
	c, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if c.Width != 180 || c.Height != 120 { // 3 × 2 inches at 60 DPI
		t.Errorf("%d by %d pixels, want 180 by 120", c.Width, c.Height)
	}
	want := protocol.DisplayData{
		Data: map[protocol.MIMEType]any{
			protocol.MIMEImagePNG:  b,
			MIMEFiles:              picture.Data[MIMEFiles],
			protocol.MIMETextPlain: "A <caption> & more",
		},
		Metadata: map[string]any{
			"image/png": map[string]int{"width": 288, "height": 192}, // 3 × 2 inches at 96
			"alt":       "A <caption> & more",
		},
	}
	if diff := cmp.Diff(want, picture); diff != "" {
		t.Errorf("picture (-want +got)\n%s", diff)
	}
	for i, names := range map[int][]string{0: {"figure.svg", "figure.pdf", "figure.csv"},
		1: {"figure.svg", "figure.pdf"}} {
		archive, _ := shown[i].Data[MIMEFiles].([]byte)
		z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range z.File {
			got = append(got, f.Name)
		}
		if diff := cmp.Diff(names, got); diff != "" {
			t.Errorf("files of picture %d (-want +got)\n%s", i, diff)
		}
	}
	if got := shown[1].Metadata["alt"]; got != "K(c) against c" {
		t.Errorf("alternative text without a caption: %q", got)
	}
	if diff := cmp.Diff(map[protocol.MIMEType]any{
		protocol.MIMETextHTML: `<table><caption style="text-align:left">Losses</caption>` +
			`<thead><tr><th scope="col" style="text-align:left">net</th>` +
			`<th scope="col" style="text-align:right">loss</th></tr></thead>` +
			`<tbody><tr><td style="text-align:left">4HL &lt;ReLU&gt;</td>` +
			`<td style="text-align:right">0.25</td></tr>` +
			`<tr><td style="text-align:left">1HL</td>` +
			`<td style="text-align:right">—</td></tr></tbody></table>`,
		protocol.MIMETextPlain: "Losses\nnet         loss\n----------  ----\n4HL <ReLU>  " +
			"0.25\n1HL            —\n",
	}, shown[2].Data); diff != "" {
		t.Errorf("table (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(
		map[protocol.MIMEType]any{
			protocol.MIMETextMarkdown: "**bold**",
			protocol.MIMETextPlain:    "**bold**",
		},
		shown[3].Data,
	); diff != "" {
		t.Errorf("Markdown (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(
		`[{"quantity":"loss","source":"Table 1","published":"0.25 ± 0.01","ours":"0.24",`+
			`"difference":"−0.01","tolerance":"0.02","why":"two spreads","agrees":true},`+
			`{"quantity":"bias","source":"","published":"−1","ours":"−1.5",`+
			`"difference":"−0.5","tolerance":"0.1","why":"","agrees":false}]`,
		shown[4].Data[mimeComparisons],
	); diff != "" {
		t.Errorf("comparisons (-want +got)\n%s", diff)
	}
	if table, _ := shown[4].Data[protocol.MIMETextHTML].(string); !strings.Contains(table,
		"Published against ours") {
		t.Errorf("comparisons show %s", table)
	}
}

// A notebook that never answers costs the limit, not the cell.
func TestDisplayGivesUp(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	err := within(time.Millisecond, func() { <-never })
	if err == nil || !strings.Contains(err.Error(), "did not confirm the output within 1ms") {
		t.Errorf("within: %v", err)
	}
}

func TestShowOutsideANotebook(t *testing.T) {
	if inNotebook() {
		t.Fatalf("%s is set", protocol.GONB_PIPE_ENV)
	}
	if err := Show(small(), "caption"); err != nil {
		t.Error(err)
	}
	broken := New(Options{})
	broken.Line("net", []float64{1}, nil)
	if err := Show(broken, "caption"); err == nil || !strings.Contains(err.Error(), `line "net"`) {
		t.Errorf("Show of a broken figure: %v", err)
	}
	if err := Show(nil, ""); err == nil {
		t.Error("Show(nil): no error")
	}
	for says, bad := range map[string][]Comparison{
		`comparison 1: its Quantity is empty`: {{}},
		`comparison 2: Ours of "b" is NaN`: {{Quantity: "a"},
			{Quantity: "b", Ours: math.NaN()}},
		`comparison 1: Tolerance of "a" is -0.1`: {{Quantity: "a", Tolerance: -0.1}},
	} {
		err := ShowCompared([]string{"a"}, [][]string{{"1"}}, "", bad)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: want %q", err, says)
		}
	}
	if err := ShowCompared([]string{"a"}, [][]string{{"1"}}, "", nil); err != nil {
		t.Errorf("a table without comparisons: %v", err)
	}
	if err := ShowTable(nil, nil, ""); err == nil {
		t.Error("table without columns: no error")
	}
	if err := ShowTable([]string{"a"}, [][]string{{"1"}, {"1", "2"}}, ""); err == nil ||
		!strings.Contains(err.Error(), "row 2 of the table has 2 cells, its header 1") {
		t.Errorf("ragged table: %v", err)
	}
}

func TestColumnsOfNumbersAreAlignedRight(t *testing.T) {
	rows := [][]string{
		{"1HL", "0.25 ± 0.01", "−3", "", "87.5 %", "1.2 s"},
		{"4HL", "0.3", "+4e5", "—", "9 %", "3 s"},
	}
	got := rightAligned(make([]string, 6), rows)
	if diff := cmp.Diff([]bool{false, true, true, false, true, true}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
