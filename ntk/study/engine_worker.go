package study

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/kernelsmith/kernelsmith/internal/records"
	"github.com/kernelsmith/kernelsmith/ntk"
)

// The end of a program that makes one task; tests have another.
var exit = os.Exit

// makeOne makes the task of a key and ends the program. A task that is not here may be one of
// a later call in the same program, as long as nothing that comes before is missing.
func makeOne[T any](s *Study, key string, missing []string, tasks []Task[T]) error {
	for _, t := range tasks {
		k, err := records.KeyOf(t.Label, t.Key)
		if err != nil {
			return err
		}
		if k.String() == key {
			return work(key, func(ctx context.Context, report func(Report)) error {
				_, err := t.make(ctx, s, report)
				return err
			})
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("study: %s=%s is none of these tasks, of which %d have no record yet "+
			"(%s, …); a program for a later task needs them", taskVariable, key, len(missing),
			missing[0])
	}
	return nil
}

// work runs what makes one record, with a log on the standard error, and ends the program: with
// status 0 if the record is there. What ends tasks kindly, an interrupt or the SIGTERM by which a
// scheduler takes a machine back, lets it keep a checkpoint first.
func work(key string, run func(context.Context, func(Report)) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program
	host, _ := os.Hostname()
	logged("%s on %s: GOMAXPROCS=%d, %s", key, host, runtime.GOMAXPROCS(0), ntk.BLAS())
	if err := run(ctx, logging(time.Minute)); err != nil {
		logged("%s failed: %v", key, err)
		exit(1)
		return err
	}
	logged("%s is there", key)
	exit(0)
	return errors.New("study: the program has made its task and should have ended")
}

// logging writes the first report, what is new in notes, and a line now and then.
func logging(every time.Duration) func(Report) {
	var last time.Time
	note := ""
	return func(r Report) {
		if now := time.Now(); r.Note != note || now.Sub(last) >= every {
			last, note = now, r.Note
			status := cmp.Or(r.Status, fmt.Sprintf("%d steps done", r.Done))
			if note != "" {
				status += "; " + note
			}
			logged("%s", status)
		}
	}
}

func logged(format string, values ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format(time.DateTime)+"  "+format+"\n", values...)
}
