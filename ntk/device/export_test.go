package device

import (
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrt"
)

// OpenDevices opens so many devices of the CPU.
func OpenDevices(path string, devices int64) (*Device, error) {
	p, err := pjrt.Load(path)
	if err != nil {
		return nil, err
	}
	return newDevice(p, pjrt.Options{"cpu_device_count": devices})
}

// New opens the devices of a plugin.
func New(p *pjrt.Plugin) (*Device, error) { return newDevice(p, nil) }

// Activation returns φ(z) and φ'(z) as the device computes them.
func (d *Device) Activation(
	phi ntk.Activation, z []float32,
) (value, slope []float32, err error) {
	var g program
	v, s, ok := g.writeActivation(phi, g.argument(single, len(z)))
	if !ok {
		return nil, nil, nil
	}
	p, err := d.compiled(g.module([]tensor{v, s}))
	if err != nil {
		return nil, nil, err
	}
	on := d.client.Devices[0]
	var in, out pjrt.Buffers
	defer func() { in.Free(); out.Free() }()
	in.Add(pjrt.Upload(on, z, int64(len(z))))
	if in.Err != nil {
		return nil, nil, in.Err
	}
	if out.List, err = p.Run(on, in.List); err != nil {
		return nil, nil, err
	}
	value, slope = make([]float32, len(z)), make([]float32, len(z))
	if err := pjrt.Download(out.List[0], value, int64(len(z))); err != nil {
		return nil, nil, err
	}
	return value, slope, pjrt.Download(out.List[1], slope, int64(len(z)))
}

// SetNumbers bounds the arrays of a pass for outputs.
func (d *Device) SetNumbers(n int) { d.numbers = n }
