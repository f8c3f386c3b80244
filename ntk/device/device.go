// Package device trains nets on an accelerator: a GPU of NVIDIA, AMD or Intel, or whatever else
// has a plugin of OpenXLA's PJRT interface. A program that does not import it links nothing of
// that, and trains on the CPU.
//
//	gpu, err := device.Open()
//	…
//	run.Settings.Device = gpu
//
// What is trained, from which parameters, in which order of the points, and what is measured, is
// the same as on the CPU, and so is a run's identity: results agree to rounding, and
// [train.Trace.Arithmetic] says where one was made. Matrix products are in single precision
// without shortcuts, losses in double.
//
// Nets are those of packages fcn and cnn, and others that are [train.Layered], with activations
// that are [ntk.Elementary]. What does not join is trained on the CPU, and Trace.Notes says why.
// Package train's Trials trains runs that differ in their seeds, data and learning rates alone as
// one program, divided among the devices.
//
// "make gpu" installs the plugin of NVIDIA's GPUs in .venv of the checkout; KERNELSMITH_PJRT names
// another. See docs/gpu.md for what was measured.
package device

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrt"
	"github.com/kernelsmith/kernelsmith/ntk/train"
)

// Device is the accelerators of the machine that one plugin finds. It is a [train.Device], for
// [train.Settings], and safe for use by several goroutines.
type Device struct {
	client *pjrt.Client
	// numbers bounds the arrays of a pass for outputs, where blocks of points can do it.
	numbers int

	lock     sync.Mutex
	programs map[string]*pjrt.Program
	next     int // of the client's devices, for a set of trials
}

var opened = struct {
	sync.Mutex
	devices map[string]*Device
}{devices: map[string]*Device{}}

// Open returns the accelerators of the plugin that KERNELSMITH_PJRT names, or of one that lies in
// .venv of the module that holds the working directory. A second call returns the same.
//
// It reports that there is no plugin, a file that is none, one of another version of the
// interface, one that fails a small program with a known result, and one that finds no device.
func Open() (*Device, error) {
	path, err := pjrt.Find()
	if err != nil {
		return nil, err
	}
	return openPlugin(path)
}

func openPlugin(path string) (*Device, error) {
	opened.Lock()
	defer opened.Unlock()
	if d := opened.devices[path]; d != nil {
		return d, nil
	}
	plugin, err := pjrt.Load(path)
	if err != nil {
		return nil, err
	}
	d, err := newDevice(plugin, optionsOf(path))
	if err != nil {
		return nil, err
	}
	opened.devices[path] = d
	return d, nil
}

// optionsOf are the options of the plugins of NVIDIA's and AMD's GPUs, which would else take three
// quarters of a GPU's memory at once, from whoever is on it beside.
func optionsOf(path string) pjrt.Options {
	switch filepath.Base(path) {
	case "xla_cuda_plugin.so", "xla_rocm_plugin.so":
		return pjrt.Options{"preallocate": false}
	}
	return nil
}

func newDevice(plugin *pjrt.Plugin, options pjrt.Options) (*Device, error) {
	client, err := plugin.NewClient(options)
	if err != nil {
		return nil, err
	}
	return &Device{
		client: client, numbers: 1 << 28, programs: map[string]*pjrt.Program{},
	}, nil
}

// String names the plugin's version, the platform and the devices, for [train.Trace.Arithmetic]:
// "PJRT 0.115, cuda: 2 × NVIDIA H200".
func (d *Device) String() string {
	var kinds []string
	count := map[string]int{}
	for _, on := range d.client.Devices {
		if count[on.Kind]++; count[on.Kind] == 1 {
			kinds = append(kinds, on.Kind)
		}
	}
	slices.Sort(kinds)
	for i, k := range kinds {
		if n := count[k]; n > 1 {
			kinds[i] = fmt.Sprintf("%d × %s", n, k)
		}
	}
	return fmt.Sprintf("PJRT %d.%d, %s: %s", d.client.Plugin.Major, d.client.Plugin.Minor,
		d.client.Platform, strings.Join(kinds, ", "))
}

// NewSteps implements [train.Device].
func (d *Device) NewSteps(trials []*train.Trial) (train.Steps, string, error) {
	if _, why := planOf(trials); why != "" {
		return nil, why, nil
	}
	x, why := inputsOf(trials)
	if why != "" {
		return nil, why, nil
	}
	all, err := d.spread(trials, x)
	if err != nil {
		if len(trials) > 1 && errors.Is(err, pjrt.ErrOutOfMemory) {
			return nil, "they do not fit on the device together", nil
		}
		return nil, "", d.advise(err)
	}
	if len(all.parts) == 1 {
		return all.parts[0], "", nil
	}
	return all, "", nil
}

// advise says what can be done about an error of the device.
func (d *Device) advise(err error) error {
	switch {
	case errors.Is(err, pjrt.ErrOutOfMemory):
		return fmt.Errorf("device: %w; train fewer trials at once, a narrower net or smaller "+
			"batches, or without Settings.Device", err)
	case errors.Is(err, pjrt.ErrLost):
		return fmt.Errorf("device: %w; %v may be of use again only to a new process: runs with "+
			"checkpoints go on from there", err, d)
	}
	return fmt.Errorf("device: %w", err)
}

// compiled returns a compiled program, which is kept: runs of a study differ in numbers alone.
func (d *Device) compiled(text string) (*pjrt.Program, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if p := d.programs[text]; p != nil {
		return p, nil
	}
	p, err := d.client.Compile(text)
	if err != nil {
		return nil, err
	}
	d.programs[text] = p
	return p, nil
}
