package device

import (
	"context"
	"errors"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrt"
	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// spread are the steps of trials that are divided among devices.
type spread struct {
	parts []*steps
	place []place // of each trial
}

type place struct{ part, trial int }

// spread divides the trials, which have these inputs, among the devices, as evenly as can be.
func (d *Device) spread(trials []*train.Trial, x []inputs) (_ *spread, err error) {
	parts := min(len(trials), len(d.client.Devices))
	s := &spread{}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	for i := range parts {
		from, to := len(trials)*i/parts, len(trials)*(i+1)/parts
		some := trials[from:to]
		p, _ := planOf(some)
		one, err := newSteps(d, d.turn(), p, some, x[from:to])
		if err != nil {
			return nil, err
		}
		s.parts = append(s.parts, one)
		for j := range some {
			s.place = append(s.place, place{i, j})
		}
	}
	return s, nil
}

// turn returns the device whose turn it is.
func (d *Device) turn() *pjrt.Device {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.next++
	return d.client.Devices[(d.next-1)%len(d.client.Devices)]
}

// Advance implements train.Steps.
func (s *spread) Advance(ctx context.Context, k int) error {
	failed := make([]error, len(s.parts))
	var group sync.WaitGroup
	for i, p := range s.parts {
		group.Go(func() { failed[i] = p.Advance(ctx, k) })
	}
	group.Wait()
	return errors.Join(failed...)
}

// Outputs implements train.Steps.
func (s *spread) Outputs(ctx context.Context, i int, test bool) ([]float32, error) {
	at := s.place[i]
	return s.parts[at.part].Outputs(ctx, at.trial, test)
}

// Sync implements train.Steps.
func (s *spread) Sync(i int) error {
	at := s.place[i]
	return s.parts[at.part].Sync(at.trial)
}

// Close frees what is on the devices.
func (s *spread) Close() error {
	for _, p := range s.parts {
		_ = p.Close()
	}
	return nil
}
