package study

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"

	"github.com/kernelsmith/kernelsmith/internal/records"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"github.com/kernelsmith/kernelsmith/plotting"
)

// Task is a record to be made.
type Task[T any] struct {
	// Label is the name of the record, of letters, digits, points, hyphens and underscores.
	Label string
	// Key is everything that determines the result: sizes, seeds, fingerprints of data, names, in
	// exported fields. Numbers count with all their digits, values in interfaces with their type.
	// What cannot be told apart (functions, NaN, unexported fields) is an error; a field with the
	// tag json:"-" is left out, and one with json:",omitzero" where it is zero.
	Key any
	// Steps is how much of the progress line the task is, epochs say; 0 is one step.
	Steps int
	// Run makes the result, any value that comes back from JSON as it was: of numbers, texts,
	// slices, maps and exported fields, not a matrix. Others are an error. It may keep what it
	// needs to go on after an interrupt in the folder, which is the record's own, and reports how
	// far it is. Its error ends the work, as the context's end does after an interrupt.
	Run func(ctx context.Context, folder string, report func(Report)) (T, error)

	joint *joint[T] // of tasks that can be made at once; nil for none
	place int       // among these
}

// Report says how far a task is.
type Report struct {
	Done   int    // steps that are done, of Task.Steps, at another time too
	Status string // what is known of the state, such as "train loss 0.43"
	Note   string // a remark, such as a fault that was survived
}

// Missing returns the keys, such as "4HL-ReLU-trial-1-0f3a…", of the tasks that have no record
// yet, in their order. It reports labels and keys that cannot be those of a record, and records
// that are damaged.
func Missing[T any](s *Study, tasks ...Task[T]) ([]string, error) {
	_, found, err := load(s, tasks)
	if err != nil {
		return nil, err
	}
	return missing(tasks, found)
}

func missing[T any](tasks []Task[T], found []bool) (keys []string, err error) {
	seen := map[string]bool{}
	for i, t := range tasks {
		key, err := records.KeyOf(t.Label, t.Key)
		if err != nil {
			return nil, err
		}
		if k := key.String(); !found[i] && !seen[k] {
			keys, seen[k] = append(keys, k), true
		}
	}
	return keys, nil
}

// load returns the results that have a record.
func load[T any](s *Study, tasks []Task[T]) (results []T, found []bool, err error) {
	results, found = make([]T, len(tasks)), make([]bool, len(tasks))
	if s == nil || s.records == nil {
		return nil, nil, errors.New("study: no study; Open makes one")
	}
	for i, t := range tasks {
		if t.Run == nil {
			return nil, nil, fmt.Errorf("study: task %q has no Run", t.Label)
		}
		key, err := records.KeyOf(t.Label, t.Key)
		if err != nil {
			return nil, nil, fmt.Errorf("study: %w", err)
		}
		if found[i], err = s.records.Load(key, &results[i]); err != nil {
			return nil, nil, fmt.Errorf("study: %w", err)
		}
	}
	return results, found, nil
}

// Make returns the results of the tasks, in their order: those that have a record are loaded,
// the others are made here one after the other, under a progress line that begins with the
// doing ("training") and ends with how many of what there are ("9 runs at paper scale"). Where
// nothing is missing nothing is shown.
//
// An interrupt (SIGINT) ends it with an error after the checkpoint of the task it was at; what
// is finished is kept, and the next call goes on. A record that is damaged is an error, never a
// reason to make it anew. See the package's overview for tasks that are made elsewhere, on a
// cluster say.
func Make[T any](s *Study, doing, what string, tasks ...Task[T]) ([]T, error) {
	results, found, err := load(s, tasks)
	if err != nil {
		return nil, err
	}
	keys, err := missing(tasks, found)
	if err != nil {
		return nil, err
	}
	if key := os.Getenv(taskVariable); key != "" {
		return results, makeOne(s, key, keys, tasks)
	}
	engine, err := engineOf(os.Getenv(engineVariable))
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		s.clearSweeps()
		return results, nil
	}
	if engine == nil {
		if err := makeHere(s, doing, what, tasks, results, found); err != nil {
			return nil, err
		}
		return results, nil
	}
	sweep, err := sweepOf(s, doing, what, tasks, found)
	if err != nil {
		return nil, err
	}
	if err := engine(sweep); err != nil {
		return nil, err
	}
	if results, found, err = load(s, tasks); err != nil {
		return nil, err
	}
	if i := slices.Index(found, false); i >= 0 {
		return nil, fmt.Errorf("study: the record of %s was there and is gone", tasks[i].Label)
	}
	s.clearSweeps()
	return results, nil
}

// makeHere makes the tasks that were not found, one after the other, or joint ones at once, into
// results.
func makeHere[T any](
	s *Study, doing, what string, tasks []Task[T], results []T, found []bool,
) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the program
	total, tasks := 0, slices.Clone(tasks)
	for _, t := range tasks {
		total += max(1, t.Steps)
	}
	bar, done, loaded := plotting.NewProgress(doing, total), 0, slices.Clone(found)
	for i, t := range tasks {
		if !found[i] {
			if err := ctx.Err(); err != nil {
				bar.Done("")
				return fmt.Errorf("study: interrupted before %s; run it again to go on",
					t.Label)
			}
			err := makeJoint(ctx, s, bar, done, i, tasks, results, found)
			if err == nil && !found[i] {
				if results[i], err = t.make(ctx, s, showing(bar, done, t.Label)); err != nil {
					err = fmt.Errorf("%s: %w", t.Label, err)
				}
			}
			if err != nil {
				bar.Done("")
				return whyEnded(ctx, err)
			}
		}
		done += max(1, t.Steps)
		if loaded[i] {
			bar.From(done)
		}
		bar.Set(done, t.Label)
	}
	bar.Done(fmt.Sprintf("%d %s at %s scale", len(tasks), what, s.scale))
	return nil
}

// whyEnded is the error of a task that failed or was interrupted.
func whyEnded(ctx context.Context, err error) error {
	err = fmt.Errorf("study: %w", err)
	var training *train.InterruptedError
	if lost := errors.As(err, &training) && training.NotKept != ""; ctx.Err() != nil && !lost {
		err = fmt.Errorf("%w; run it again to go on", err)
	}
	return err
}

// Remember returns the record of a label and a key, or what run returns, which it keeps: a task
// that takes seconds, without progress and without checkpoints. What it returns is as that of
// [Task].Run.
func Remember[T any](s *Study, label string, key any, run func() (T, error)) (T, error) {
	return records.Remember(s.records, label, key, run)
}

// make makes the record, unless another process has by now.
func (t Task[T]) make(ctx context.Context, s *Study, report func(Report)) (T, error) {
	return records.RememberResumable(s.records, t.Label, t.Key, func(folder string) (T, error) {
		return t.Run(ctx, folder, report)
	})
}

// showing shows the progress of a task that begins when so many steps are done. Speed counts
// from its first report, since some of its steps may have been taken at another time.
func showing(bar *plotting.Progress, done int, label string) func(Report) {
	first := true
	return func(r Report) {
		if first {
			first = false
			bar.From(done + r.Done)
		}
		if r.Note != "" {
			bar.Note(label + ": " + r.Note)
		}
		status := label
		if r.Status != "" {
			status += ", " + r.Status
		}
		bar.Set(done+r.Done, status)
	}
}
