package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// settings are the flags of a run.
type settings struct {
	folder      string // .cache/bench
	out         string
	least       float64 // seconds of a repetition
	repetitions int
	wait        time.Duration // for a quiet machine, before each repetition
	limit       time.Duration // of one request
	anyLoad     bool
	small       bool
	device      bool     // the rows of a device
	without     []string // peers
	log         io.Writer
}

const (
	quietFor    = 300 * time.Millisecond // before a repetition
	quietBefore = 0.05                   // of the machine, by others, in that time
	quietDuring = 0.03                   // during one
	mostTries   = 5                      // of a repetition
)

// leftOut is what a peer that -without names lacks.
const leftOut = "left out of this run"

// A bench has the sides that are running.
type bench struct {
	settings
	sides map[string]*side
}

func (b *bench) processes() []int {
	ids := []int{os.Getpid()}
	for _, s := range b.sides {
		ids = append(ids, s.cmd.Process.Pid)
	}
	return ids
}

// quiet waits until others leave the machine alone. If they do not within the time that it may
// wait, that is an error.
func (b *bench) quiet(ctx context.Context) error {
	if b.anyLoad {
		return nil
	}
	told := false
	for begin := time.Now(); ; {
		from, err := readClock(b.processes())
		if err != nil {
			return err
		}
		select {
		case <-time.After(quietFor):
		case <-ctx.Done():
			return ctx.Err()
		}
		to, err := readClock(b.processes())
		if err != nil {
			return err
		}
		part := others(from, to)
		if part < quietBefore {
			return nil
		}
		if time.Since(begin) > b.wait {
			return fmt.Errorf("bench: other programs have had %.0f %% of the machine for %v; "+
				"end them, or wait longer (-wait), or measure all the same (-any-load)", 100*part,
				b.wait)
		}
		if !told {
			fmt.Fprintf(b.log, "\n  waiting for a quiet machine (others have %.0f %%) ", 100*part)
			told = true
		}
	}
}

// once makes one repetition on a side, again if it was disturbed.
func (b *bench) once(ctx context.Context, s *side, t *timing) (*reply, error) {
	for try := 1; ; try++ {
		if err := b.quiet(ctx); err != nil {
			return nil, err
		}
		if err := resetPeak(s.cmd.Process.Pid); err != nil {
			return nil, err
		}
		from, err := readClock(b.processes())
		if err != nil {
			return nil, err
		}
		r, err := s.ask(ctx, request{Do: "run", Least: b.least}, b.limit)
		if err != nil || r.Lacks != "" {
			return r, err
		}
		to, err := readClock(b.processes())
		if err != nil {
			return nil, err
		}
		memory, err := peak(s.cmd.Process.Pid)
		if err != nil {
			return nil, err
		}
		t.PeakMB = max(t.PeakMB, memory/1e6)
		disturbed := others(from, to) > quietDuring
		if !disturbed || try == mostTries || b.anyLoad {
			t.Disturbed = t.Disturbed || disturbed
			return r, nil
		}
		t.Discarded++
	}
}

// repetition makes one repetition of a row on a side.
func (b *bench) repetition(
	ctx context.Context, r *row, args *arguments, t *timing,
) (*reply, error) {
	if r.Op == "start" {
		return b.startup(ctx, args, t)
	}
	return b.once(ctx, b.sides[t.Side], t)
}

// startup measures from the start of another process of a side to its first result.
func (b *bench) startup(ctx context.Context, args *arguments, t *timing) (*reply, error) {
	if err := b.quiet(ctx); err != nil {
		return nil, err
	}
	begin := time.Now()
	s, err := b.start(ctx, t.Side)
	if err != nil {
		return nil, err
	}
	defer s.close()
	own := *args
	own.Cold = true
	r, err := s.ask(ctx, request{Do: "prepare", Op: "gram", Args: &own}, b.limit)
	if err == nil && r.Lacks == "" {
		r, err = s.ask(ctx, request{Do: "run"}, b.limit)
	}
	if err != nil {
		return nil, err
	}
	r.Seconds = time.Since(begin).Seconds()
	memory, err := peak(s.cmd.Process.Pid)
	t.PeakMB = max(t.PeakMB, memory/1e6)
	return r, err
}

// measure makes all repetitions of a row, the sides in turn.
func (b *bench) measure(ctx context.Context, r *row) (*measured, error) {
	m := &measured{ID: r.ID, Key: r.key(), Group: r.Group, Title: r.Title, Unit: r.Unit,
		Note: r.Note, Tolerance: r.Tolerance, Why: r.Why, Small: b.small, Type: r.Args.Type,
		Products: r.Products, Traffic: r.Traffic}
	args, err := b.files(r)
	if err != nil {
		return nil, err
	}
	values := map[string][]float64{}
	turn := append([]string{kernelsmith}, r.Peers...)
	if r.Alone {
		for _, name := range turn {
			if err := b.inTurn(ctx, r, m, &args, []string{name}, values); err != nil {
				return nil, err
			}
			if s := b.sides[name]; s != nil && name != kernelsmith { // which the row began with
				s.close()
				if b.sides[name], err = b.start(ctx, name); err != nil {
					return nil, err
				}
			}
		}
	} else if err := b.inTurn(ctx, r, m, &args, turn, values); err != nil {
		return nil, err
	}
	for _, t := range m.Sides {
		if t.Error == "" && t.Lacks == "" && !r.Value {
			t.compare(values[kernelsmith], values[t.Side], r.Tolerance)
		}
	}
	return m, nil
}

// inTurn makes the repetitions of some sides, in turn, and keeps their last numbers.
func (b *bench) inTurn(
	ctx context.Context, r *row, m *measured, args *arguments, names []string,
	values map[string][]float64,
) error {
	var running []*timing
	times := map[string][]float64{}
	for _, name := range names {
		t := &timing{Side: name, N: r.Args.N}
		m.Sides = append(m.Sides, t)
		if t.Lacks = r.Lacks[name]; t.Lacks == "" && slices.Contains(b.without, name) {
			t.Lacks = leftOut
		}
		if t.Lacks != "" {
			continue
		}
		own := *args
		if r.Op == "start" {
			running = append(running, t)
			continue
		}
		if n := r.Own[name]; n > 0 {
			own.N, t.N = n, n
		}
		fmt.Fprintf(b.log, " %s …", name)
		a, err := b.sides[name].ask(ctx, request{Do: "prepare", Op: r.Op, Args: &own}, b.limit)
		if err == nil && a.Lacks == "" {
			t.Prepare = a.Seconds
			running = append(running, t)
		} else if err = b.failed(ctx, t, a, err); err != nil {
			return err
		}
	}
	repetitions := b.repetitions
	if r.Repetitions > 0 {
		repetitions = min(repetitions, r.Repetitions)
	}
	for i := range repetitions {
		for j := range running {
			t := running[(i+j)%len(running)]
			if t.Error != "" || t.Lacks != "" {
				continue
			}
			a, err := b.repetition(ctx, r, args, t)
			if err != nil || a.Lacks != "" {
				if err = b.failed(ctx, t, a, err); err != nil {
					return err
				}
				continue
			}
			values[t.Side] = a.Values
			if r.Value {
				a.Seconds = a.Values[0]
			}
			times[t.Side] = append(times[t.Side], r.inUnit(a.Seconds, t.N))
		}
	}
	for _, t := range running {
		t.sum(times[t.Side])
		if s := b.sides[t.Side]; s != nil {
			if _, err := s.ask(ctx, request{Do: "drop"}, b.limit); err != nil {
				return err
			}
		}
	}
	return nil
}

// sum sets what there is to say of the times.
func (t *timing) sum(times []float64) {
	if t.Repetitions = len(times); len(times) > 0 {
		t.Median, t.Least, t.Greatest = median(times), slices.Min(times), slices.Max(times)
	}
}

// compare sets how far the numbers are from Kernelsmith's.
func (t *timing) compare(ours, theirs []float64, tolerance float64) {
	var err error
	if t.Difference, err = agree(ours, theirs, tolerance); err != nil {
		t.Error = err.Error()
	}
}

// failed notes why a side has no time. Kernelsmith's failures end the row; a peer whose process
// has ended is started anew for the next one.
func (b *bench) failed(ctx context.Context, t *timing, r *reply, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if t.Side == kernelsmith && err != nil {
		return err
	}
	if err == nil {
		t.Lacks = r.Lacks
		return nil
	}
	t.Error = err.Error()
	fmt.Fprintf(b.log, "\n  %v\n ", err)
	s := b.sides[t.Side]
	if _, err := s.ask(ctx, request{Do: "drop"}, 10*time.Second); err == nil {
		return nil
	}
	s.close()
	b.sides[t.Side], err = b.start(ctx, t.Side)
	return err
}

// saveMissing is saveNet where the file is not there.
func saveMissing(path string, a *arguments, trial int) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return saveNet(path, a, trial)
}

// files returns the row's arguments with the paths of its inputs.
func (b *bench) files(r *row) (arguments, error) {
	a := r.Args
	folder := filepath.Join(b.folder, "inputs")
	for _, in := range []struct {
		input
		path *string
		kind string
	}{{r.X, &a.X, a.Type}, {r.Y, &a.Y, a.Type}, {r.Z, &a.Z, a.Type}} {
		if in.n == 0 {
			continue
		}
		path, err := in.file(folder, in.kind)
		if err != nil {
			return a, err
		}
		*in.path = path
	}
	if a.Width > 0 && a.Trials == 0 {
		a.File = filepath.Join(folder, fmt.Sprintf("net-%d-%d-%d-%d.npz", a.Net.Depth, a.D, a.Width,
			a.Outputs))
		return a, saveMissing(a.File, &a, 0)
	}
	for trial := range a.Trials {
		path := filepath.Join(folder, fmt.Sprintf("net-%s-%d-%d-%d-%d-%d.npz", a.Net.Phi,
			a.Net.Depth, a.D, a.Width, a.Outputs, trial+1))
		if err := saveMissing(path, &a, trial); err != nil {
			return a, err
		}
		a.Files = append(a.Files, path)
	}
	return a, nil
}
