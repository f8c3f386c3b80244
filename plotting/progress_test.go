package plotting

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// record keeps what is shown; fail makes its writes fail.
type record struct {
	lines []string
	fail  bool
}

func (r *record) write(text string, last bool) error {
	if last {
		text += " <last>"
	}
	r.lines = append(r.lines, text)
	if r.fail {
		return errors.New("no display")
	}
	return nil
}

// clock is a time that tests move.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func TestProgressShowsSpeedAndTimeLeft(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	out := &record{}
	p := newProgress("4HL ReLU", 1025, out, c.now)
	p.Set(0, "") // too soon after the label
	c.advance(10 * time.Second)
	p.Set(100, "loss 0.43")
	c.advance(100 * time.Millisecond)
	p.Set(101, "too soon")
	c.advance(90 * time.Second)
	p.Set(1000, "")
	p.Done("loss 0.25")
	p.Done("again")
	p.Set(1025, "late")
	want := []string{
		"4HL ReLU",
		"4HL ReLU: 100 of 1025 · 10 per second · 92 s left · loss 0.43",
		"4HL ReLU: 1000 of 1025 · 10 per second · 2.5 s left",
		"4HL ReLU: loss 0.25 · 2 min <last>",
	}
	if diff := cmp.Diff(want, out.lines); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestProgressOfUnknownLengthAndResumed(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	out := &record{}
	p := newProgress("fit", 0, out, c.now)
	c.advance(time.Second)
	p.Set(500, "resumed") // speed counts from here
	c.advance(4 * time.Second)
	p.Set(501, "")
	p.Done("")
	want := []string{"fit", "fit: 500 · resumed", "fit: 501 · 0.25 per second", " <last>"}
	if diff := cmp.Diff(want, out.lines); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestProgressCountsSpeedAnewAndKeepsNotes(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	out := &record{}
	p := newProgress("training", 300, out, c.now)
	c.advance(time.Second)
	p.From(100) // from a record
	c.advance(10 * time.Second)
	p.Set(150, "first")
	p.From(200)
	p.Note("one checkpoint failed")
	c.advance(10 * time.Second)
	p.Set(220, "second")
	p.Done("2 runs")
	want := []string{
		"training",
		"training: 150 of 300 · 5 per second · 30 s left · first",
		"training: 220 of 300 · 2 per second · 40 s left · second · one checkpoint failed",
		"training: 2 runs · 21 s · one checkpoint failed <last>",
	}
	if diff := cmp.Diff(want, out.lines); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestProgressIsSilentWithoutDisplay(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	newProgress("x", 1, nil, c.now).Set(1, "")
	out := &record{fail: true}
	p := newProgress("x", 10, out, c.now)
	for i := range 10 {
		c.advance(time.Second)
		p.Set(i, "")
	}
	p.Done("over")
	if len(out.lines) != 1 {
		t.Errorf("%d writes to a display that fails, want 1", len(out.lines))
	}
}

func TestProgressFromManyGoroutines(t *testing.T) {
	out := &record{}
	p := newProgress("x", 1000, out, time.Now)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				p.Set(100*g+i, fmt.Sprint(i))
			}
		})
	}
	wg.Wait()
	p.Done("all")
	if n := len(out.lines); n < 2 || out.lines[0] != "x" || out.lines[n-1][:6] != "x: all" {
		t.Errorf("lines %q", out.lines)
	}
}

func TestTerminalLineOverwrites(t *testing.T) {
	var b bytes.Buffer
	l := &terminalLine{w: &b}
	for _, s := range []struct {
		text string
		last bool
	}{{"one", false}, {"two\nlines", false}, {"end", true}, {"", true}} {
		if err := l.write(s.text, s.last); err != nil {
			t.Fatal(err)
		}
	}
	if want := "\rone\x1b[K\rtwo lines\x1b[K\rend\x1b[K\n\r\x1b[K"; b.String() != want {
		t.Errorf("wrote %q, want %q", b.String(), want)
	}
}

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1234 * time.Millisecond: "1.2 s", 57 * time.Second: "57 s", 10 * time.Minute: "10 min",
		36 * time.Hour: "36.0 h",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
