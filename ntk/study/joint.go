package study

import (
	"context"
	"fmt"
	"sync"

	"github.com/kernelsmith/kernelsmith/internal/records"
	"github.com/kernelsmith/kernelsmith/plotting"
)

// joint is what tasks share that one program can make at once.
type joint[T any] struct {
	// make makes the results of the tasks with these places, each with a folder of its own, and
	// reports how far the i-th of them is. After an error each is made by itself, from what is in
	// its folder.
	make func(ctx context.Context, places []int, folders []string, report func(i int, r Report),
	) ([]T, error)
}

// makeJoint makes the tasks without a record that share what the i-th has, if there are more of
// them, and marks them as found. Where one fails, they share nothing from then on: made by
// themselves, those before it come to their end, and its error has its name. An interrupt alone is
// an error here.
func makeJoint[T any](
	ctx context.Context, s *Study, bar *plotting.Progress, done, i int, tasks []Task[T],
	results []T, found []bool,
) error {
	var some []int
	seen := map[int]bool{}
	for j, t := range tasks {
		if j >= i && !found[j] && t.joint != nil && t.joint == tasks[i].joint && !seen[t.place] {
			some, seen[t.place] = append(some, j), true
		}
	}
	if len(some) < 2 {
		return nil
	}
	label := fmt.Sprintf("%s and %d more", tasks[i].Label, len(some)-1)
	var show func(Report)
	var lock sync.Mutex
	steps, sum := map[int]int{}, 0
	made, err := recordJoint(ctx, s, tasks, some, func(k int, r Report) {
		lock.Lock()
		defer lock.Unlock()
		if _, begun := steps[k]; !begun {
			show = showing(bar, done, label) // speed counts from here
		}
		sum += r.Done - steps[k]
		steps[k] = r.Done
		r.Done = sum
		show(r)
	})
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", label, err)
		}
		for _, j := range some {
			tasks[j].joint = nil
		}
		return nil
	}
	for k, j := range some {
		results[j], found[j] = made[k], true
	}
	return nil
}

// recordJoint makes the records of some tasks that share their joint: each has its folder, and
// those that another process has made by now are left out.
func recordJoint[T any](
	ctx context.Context, s *Study, tasks []Task[T], some []int, report func(k int, r Report),
) ([]T, error) {
	made := make([]T, len(some))
	var due, places []int // of some
	var folders []string
	var failed error
	var from func(k int) error
	from = func(k int) error {
		if k == len(some) {
			if len(due) == 0 {
				return nil
			}
			var all []T
			all, failed = tasks[some[0]].joint.make(ctx, places, folders, func(n int, r Report) {
				report(due[n], r)
			})
			if failed == nil {
				for n, v := range all {
					made[due[n]] = v
				}
			}
			return failed
		}
		t, asked := tasks[some[k]], false
		v, err := records.RememberResumable(s.records, t.Label, t.Key,
			func(folder string) (T, error) {
				asked = true
				due, places, folders = append(due, k), append(places, t.place),
					append(folders, folder)
				if err := from(k + 1); err != nil {
					return made[k], err
				}
				return made[k], failed // which a record of another process hid
			})
		if made[k] = v; err == nil && !asked {
			err = from(k + 1)
		}
		return err
	}
	err := from(0)
	if err == nil {
		err = failed
	}
	return made, err
}
