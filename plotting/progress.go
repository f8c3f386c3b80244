package plotting

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"
)

// Progress shows how far a long computation is: in a notebook as one line of the cell's output that
// is replaced at most five times a second and leaves one final line; on a terminal as one line of
// the standard error; elsewhere not at all. It is safe for concurrent use. A display that fails
// stays silent: it never stops the computation.
type Progress struct {
	label string
	total int

	mu       sync.Mutex
	out      progressLine // nil where there is nothing to show it on
	now      func() time.Time
	start    time.Time
	last     time.Time // of the last write, zero before the first
	first    int       // steps done when speed began to count, in the first Set or From
	begun    bool
	begin    time.Time // when it did
	note     string
	finished bool
}

// progressLine is where progress is shown: each write replaces the one before, the last one stays.
type progressLine interface {
	write(text string, last bool) error
}

const progressInterval = 200 * time.Millisecond

// NewProgress starts the progress of total steps under a label such as "4HL ReLU, trial 1 of 3".
// With total ≤ 0, for an unknown number of steps, no time left is shown. The first line appears at
// once.
func NewProgress(label string, total int) *Progress {
	var out progressLine
	if inNotebook() {
		out = newNotebookLine()
	} else if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		out = &terminalLine{w: os.Stderr}
	}
	return newProgress(label, total, out, time.Now)
}

func newProgress(label string, total int, out progressLine, now func() time.Time) *Progress {
	p := &Progress{label: label, total: total, out: out, now: now, start: now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.write(p.label, false)
	return p
}

// Set says that done steps are finished, and what is known of the state, such as "train loss 0.43".
// Calls that follow the last line shown within a fifth of a second cost next to nothing. After Done
// it does nothing.
func (p *Progress) Set(done int, status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.finished {
		return
	}
	now := p.now()
	if !p.begun {
		p.begun, p.first, p.begin = true, done, now
	}
	if !p.last.IsZero() && now.Sub(p.last) < progressInterval {
		return
	}
	p.write(p.line(done, status, now), false)
}

// From says that done steps are finished, some of them at another time, as what was loaded from a
// record or resumed from a checkpoint was: speed counts anew from here.
func (p *Progress) From(done int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun, p.first, p.begin = true, done, p.now()
}

// Note adds a remark, such as a fault that the computation survived, to this line and those that
// follow, the final one too. It replaces the one before.
func (p *Progress) Note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note = text
}

// Done ends the progress with a final line: the label, the time it took and the result. Where
// result is empty the line is removed. Calls after the first do nothing.
func (p *Progress) Done(result string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.finished {
		return
	}
	p.finished = true
	if result == "" {
		p.write("", true)
		return
	}
	p.write(p.noted(fmt.Sprintf("%s: %s · %s", p.label, result, duration(p.now().Sub(p.start)))),
		true)
}

func (p *Progress) write(text string, last bool) {
	if p.out == nil {
		return
	}
	p.last = p.now()
	if err := p.out.write(text, last); err != nil {
		p.out = nil // a display that failed once would hold up every step
	}
}

func (p *Progress) line(done int, status string, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d", p.label, done)
	if p.total > 0 {
		fmt.Fprintf(&b, " of %d", p.total)
	}
	elapsed := now.Sub(p.begin).Seconds()
	if steps := done - p.first; steps > 0 && elapsed > 0 {
		rate := float64(steps) / elapsed
		fmt.Fprintf(&b, " · %s per second", significant(rate))
		if left := p.total - done; left > 0 {
			fmt.Fprintf(&b, " · %s left",
				duration(time.Duration(math.Min(float64(left)/rate, 1e9)*float64(time.Second))))
		}
	}
	if status != "" {
		b.WriteString(" · " + status)
	}
	return p.noted(b.String())
}

func (p *Progress) noted(line string) string {
	if p.note == "" {
		return line
	}
	return line + " · " + p.note
}

// significant writes x > 0 with two significant digits, or as a whole number from 10 on.
func significant(x float64) string {
	if x >= 10 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

func duration(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 10:
		return fmt.Sprintf("%.1f s", s)
	case s < 100:
		return fmt.Sprintf("%.0f s", s)
	case s < 6000:
		return fmt.Sprintf("%.0f min", s/60)
	default:
		return fmt.Sprintf("%.1f h", s/3600)
	}
}

// terminalLine overwrites one line of a terminal.
type terminalLine struct {
	w io.Writer
}

func (l *terminalLine) write(text string, last bool) error {
	end := ""
	if last && text != "" {
		end = "\n"
	}
	_, err := fmt.Fprintf(l.w, "\r%s\x1b[K%s", strings.ReplaceAll(text, "\n", " "), end)
	return err
}
