package study

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kernelsmith/kernelsmith/internal/regular"
	"github.com/kernelsmith/kernelsmith/plotting"
)

// Times between two looks at the queue: they grow from the first to the last. Tests have others.
var firstLook, lastLook = time.Second, 20 * time.Second

// place is where the record of a key is made: a job of an array.
type place struct {
	array string
	index int
}

// onCluster is a sweep whose records are made by Slurm.
type onCluster struct {
	*sweep
	// arrays are the keys of arrays with a record of the sweep, by the name of their jobs.
	arrays map[string][]string
	// live are the jobs that may still make a record, and past the last job of a key that has
	// ended, as far as Slurm knows it.
	live, past map[string]element
	rejected   error          // why some records were not submitted
	absent     map[string]int // how many times in a row a key had neither record nor job
	failed     string         // the last failure
	bar        *plotting.Progress
}

// onSlurm has the missing records of a sweep made by Slurm, and returns when all are there. What
// is in the queue already is not submitted again.
func onSlurm(w *sweep) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the program
	set, err := sbatchSettingsOf(os.Getenv(sbatchVariable))
	if err != nil {
		return err
	}
	c := &onCluster{sweep: w, absent: map[string]int{}}
	if c.arrays, err = w.study.sweepsOf(slurmPrefix + "-"); err != nil {
		return err
	}
	maps.DeleteFunc(c.arrays, func(_ string, keys []string) bool {
		return !slices.ContainsFunc(keys, func(key string) bool { return w.keys[key] })
	})
	if err := c.ask(ctx); err != nil {
		return c.ifInterrupted(ctx, err)
	}
	if err := w.look(); err != nil { // after the queue: what has left it since is made
		return err
	}
	if err := c.submitMissing(ctx, set); err != nil {
		return c.ifInterrupted(ctx, err)
	}
	total := 0
	for _, one := range w.wanted {
		total += one.steps
	}
	c.bar = plotting.NewProgress(w.doing, total)
	_, steps := w.done()
	c.bar.From(steps)
	if err := c.watch(ctx); err != nil {
		c.bar.Done("")
		return c.ifInterrupted(ctx, err)
	}
	c.bar.Done(fmt.Sprintf("%d %s at %s scale", len(w.wanted), w.what, w.study.scale))
	return nil
}

// ask asks Slurm for the jobs of the arrays.
func (c *onCluster) ask(ctx context.Context) error {
	names := slices.Sorted(maps.Keys(c.arrays))
	if len(names) == 0 {
		names = []string{slurmPrefix} // so that a queue that cannot be asked is known now
	}
	list, err := queue(ctx, names)
	if err != nil {
		return err
	}
	c.live, c.past = map[string]element{}, map[string]element{}
	for _, e := range list {
		keys := c.arrays[e.name]
		if e.index < 0 || e.index >= len(keys) {
			continue
		}
		key, to := keys[e.index], c.live
		if !c.keys[key] {
			continue
		}
		if ended[e.state] {
			to = c.past
		}
		if before, found := to[key]; !found || before.job < e.job {
			to[key] = e
		}
	}
	return nil
}

// submitMissing submits the records that are neither there nor in the queue, in as many arrays as
// Slurm's limit makes of them. That a queue takes no more is an error only if it has none.
func (c *onCluster) submitMissing(ctx context.Context, set sbatchSettings) error {
	var keys []string
	for _, key := range c.missing() {
		if _, queued := c.live[key]; !queued {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	limit, err := arrayLimit(ctx)
	if err != nil {
		return err
	}
	if set.limit > 0 {
		limit = min(limit, set.limit)
	}
	submitted := 0
	for part := range slices.Chunk(keys, limit) {
		id, err := c.study.submit(ctx, part, set)
		if err != nil {
			if submitted == 0 && len(c.live) == 0 || ctx.Err() != nil {
				return err
			}
			c.rejected = fmt.Errorf("%w (%d of %d records were not submitted)", err,
				len(keys)-submitted, len(keys))
			break
		}
		name := c.study.nameOf(slurmPrefix, part)
		c.arrays[name] = part
		for i, key := range part {
			c.live[key] = element{name: name, job: id, index: i, state: "PENDING"}
		}
		submitted += len(part)
	}
	for _, key := range keys[submitted:] {
		c.absent[key] = notSubmitted
	}
	return nil
}

// notSubmitted stands in absent for records that no job was ever submitted for, and gone is when
// a record is given up: twice, since a shared file system may show it late.
const (
	notSubmitted = -1
	gone         = 2
)

// watch shows how far the records are until each is there or cannot be any more.
func (c *onCluster) watch(ctx context.Context) error {
	for wait := firstLook; ; wait = min(wait*3/2, lastLook) {
		err := c.ask(ctx) // which may fail for a while
		if err := c.look(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && c.count() == 0 {
			return c.verdict()
		}
		note := c.failed
		if err != nil {
			note = firstLine(err.Error())
		}
		c.bar.Note(note)
		_, steps := c.done()
		c.bar.Set(steps, c.state())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// count counts how long keys have been without a job, and returns how many records may still come.
func (c *onCluster) count() (open int) {
	for _, key := range c.missing() {
		_, queued := c.live[key]
		switch {
		case c.absent[key] == notSubmitted:
			continue
		case queued:
			c.absent[key] = 0
		default:
			if c.absent[key]++; c.absent[key] == gone {
				c.failed = firstLine(c.failure(key, 1))
			}
		}
		if c.absent[key] < gone {
			open++
		}
	}
	return open
}

// state says in a line what the records are doing.
func (c *onCluster) state() string {
	made, _ := c.done()
	var at, waiting, failed, missing int
	reasons := map[string]int{}
	for _, key := range c.missing() {
		e, queued := c.live[key]
		switch {
		case queued && running[e.state]:
			at++
		case queued:
			waiting++
			reasons[e.reason]++
		case c.absent[key] == notSubmitted:
			missing++
		case c.absent[key] >= gone:
			failed++
		default:
			at++ // it has just been submitted, or ended
		}
	}
	why, most := "", 0
	for reason, n := range reasons {
		if reason != "None" && reason != "" && (n > most || n == most && reason < why) {
			why, most = reason, n
		}
	}
	text := fmt.Sprintf("%d done, %d running, %d waiting", made, at, waiting)
	if why != "" {
		text += " (" + why + ")"
	}
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	if missing > 0 {
		text += fmt.Sprintf(", %d not submitted", missing)
	}
	return text
}

// verdict is nil if all records are there, else what became of the others.
func (c *onCluster) verdict() error {
	var failed []string
	for _, key := range c.missing() {
		if c.absent[key] != notSubmitted {
			failed = append(failed, key)
		}
	}
	var list []error
	if n := len(failed); n > 0 {
		text := fmt.Sprintf("study: %d of %d records failed on Slurm; run this again to submit "+
			"them again, with what they kept", n, len(c.wanted))
		for _, key := range failed[:min(n, 3)] {
			text += "\n" + c.failure(key, 6)
		}
		if n > 3 {
			text += fmt.Sprintf("\nand %d more, with logs in %s", n-3, c.study.sweeps())
		}
		list = append(list, errors.New(text))
	}
	if c.rejected != nil {
		list = append(list, fmt.Errorf("%w; run this again for the rest", c.rejected))
	}
	return errors.Join(list...)
}

// placeOf finds the array with a key, the newest of several.
func (c *onCluster) placeOf(key string) (p place, found bool) {
	var newest time.Time
	for name, keys := range c.arrays {
		i := slices.Index(keys, key)
		if i < 0 {
			continue
		}
		info, err := os.Stat(filepath.Join(c.study.sweeps(), name, "keys"))
		if err == nil && (!found || info.ModTime().After(newest)) {
			p, found, newest = place{name, i}, true, info.ModTime()
		}
	}
	return p, found
}

// failure says how the job of a key ended, with the last lines of its log.
func (c *onCluster) failure(key string, lines int) string {
	text := key + " failed"
	e, known := c.past[key]
	switch {
	case known && e.state == "COMPLETED":
		text += " (its program ended without it, as one does that does not know this key)"
	case known:
		text += " (" + strings.ToLower(e.state)
		if e.node != "" {
			text += " on " + e.node
		}
		text += ")"
	}
	p, found := c.placeOf(key)
	if !found {
		return text
	}
	folder := filepath.Join(c.study.sweeps(), p.array)
	log := newestLog(folder, p.index)
	b, err := tail(log)
	last := strings.Split(strings.TrimSpace(string(b)), "\n")
	last = last[max(0, len(last)-lines):]
	switch {
	case log == "" || err != nil:
		return text + fmt.Sprintf(" without a log: does the node see %s, and may it write there?",
			folder)
	case last[0] == "":
		return text + fmt.Sprintf(" with an empty log, %s: is its disk full?", log)
	case lines == 1:
		return text + ": " + last[0]
	}
	return text + ", " + log + " ends with\n\t" + strings.Join(last, "\n\t")
}

// tail is the end of a file, which may be long.
func tail(path string) ([]byte, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	const most = 1 << 16
	return io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-most), most))
}

// newestLog returns the log of a job of an array, of the last submission; "" if there is none.
func newestLog(folder string, index int) (newest string) {
	b, _ := regular.Read(filepath.Join(folder, "jobs"), mostBytes)
	for _, id := range slices.Backward(strings.Fields(string(b))) {
		log := filepath.Join(folder, fmt.Sprintf("%s_%d.log", id, index))
		if _, err := os.Stat(log); err == nil {
			return log
		}
	}
	return ""
}

// ifInterrupted is the error, or how to go on if it is that of an interrupt.
func (c *onCluster) ifInterrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	var jobs []string
	for _, e := range c.live {
		if id := fmt.Sprint(e.job); !slices.Contains(jobs, id) {
			jobs = append(jobs, id)
		}
	}
	slices.Sort(jobs)
	if len(jobs) == 0 {
		return errors.New("study: interrupted; run it again to go on")
	}
	return fmt.Errorf("study: interrupted; %d records are still made by Slurm: run it again to "+
		"see them come, or end them by scancel %s", len(c.live), strings.Join(jobs, " "))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
