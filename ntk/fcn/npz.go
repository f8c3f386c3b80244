package fcn

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/npz"
)

const (
	netFormat  = "kernelsmith net"
	netVersion = 1
)

// description is what a file says of its net, beside the parameters.
type description struct {
	Format  string             `json:"format"`
	Version int                `json:"version"`
	Net     string             `json:"net"`
	Inputs  int                `json:"inputs"`
	Width   int                `json:"width"`
	Outputs int                `json:"outputs"`
	Seed    uint64             `json:"seed"`
	Layers  []layerDescription `json:"layers"` // the readout last
}

type layerDescription struct {
	Activation  string  `json:"activation"` // "" in the readout
	Fingerprint string  `json:"fingerprint"`
	WeightStd   float64 `json:"weight_std"`
	BiasStd     float64 `json:"bias_std"`
	Frozen      bool    `json:"frozen"`
}

func describe(arch *ntk.FCN, c Config) (description, error) {
	d := description{
		netFormat,
		netVersion,
		arch.String(),
		c.Inputs,
		c.Width,
		c.Outputs,
		c.Seed,
		nil,
	}
	for _, l := range arch.Layers() {
		alone, err := ntk.UniformFCN(1, l.Activation, 1, 0)
		if err != nil {
			return d, err
		}
		name := fmt.Sprintf("%T", l.Activation)
		if s, ok := l.Activation.(fmt.Stringer); ok {
			name = s.String()
		}
		d.Layers = append(d.Layers,
			layerDescription{name, alone.Fingerprint(), l.WeightStd, l.BiasStd, l.Frozen})
	}
	r := arch.Readout()
	d.Layers = append(d.Layers, layerDescription{"", "", r.WeightStd, r.BiasStd, r.Frozen})
	return d, nil
}

// fits returns an error that names the first difference between the architecture of a file's
// net and the wanted one. Which layers are frozen may differ.
func (d description) fits(want description) error {
	switch {
	case d.Format != netFormat:
		return fmt.Errorf("its format is %q, not %q", d.Format, netFormat)
	case d.Version != netVersion:
		return fmt.Errorf("it is of version %d; this program reads version %d", d.Version,
			netVersion)
	case len(d.Layers) != len(want.Layers):
		return fmt.Errorf("it is of a %s with %d layers; the architecture, %s, has %d", d.Net,
			len(d.Layers), want.Net, len(want.Layers))
	}
	for i, l := range d.Layers {
		w := want.Layers[i]
		switch {
		case l.WeightStd != w.WeightStd:
			return fmt.Errorf("layer %d has σ_w = %v; in the architecture it is %v", i, l.WeightStd,
				w.WeightStd)
		case l.BiasStd != w.BiasStd:
			return fmt.Errorf("layer %d has σ_b = %v; in the architecture it is %v", i, l.BiasStd,
				w.BiasStd)
		case l.Fingerprint != w.Fingerprint:
			return fmt.Errorf(
				"layer %d has the activation %q (fingerprint %s); in the architecture it is %q "+
					"(%s)", i, l.Activation, l.Fingerprint, w.Activation, w.Fingerprint)
		}
	}
	return nil
}

// WriteNPZ writes the net as NumPy's .npz, for numpy.load: for each layer i from 0,
// the readout last, "layer<i>.weight" (out×in) and, where σ_b > 0, "layer<i>.bias"
// (out), in single precision; and "architecture", a string with a JSON object of the
// sizes, the seed and each layer's activation, σ_w and σ_b. The net is
//
//	h = φ(weight_std/√in · h W^T + bias_std · b)
//
// layer by layer, without φ in the readout. The same net gives the same bytes.
func (n *Net) WriteNPZ(w io.Writer) error {
	d, err := describe(n.arch, n.config)
	if err == nil {
		err = npz.Write(w, d, n.arrays())
	}
	if err != nil {
		return fmt.Errorf("fcn: %w", err)
	}
	return nil
}

func (n *Net) arrays() (out []npz.Array) {
	for i, l := range n.layers {
		arrays := arraysOf(i, l.in, l.out, l.b != nil)
		arrays[0].Values = l.w
		if l.b != nil {
			arrays[1].Values = l.b
		}
		out = append(out, arrays...)
	}
	return out
}

// arraysOf are the names and shapes of layer i.
func arraysOf(i, in, out int, biases bool) []npz.Array {
	arrays := []npz.Array{{Name: fmt.Sprintf("layer%d.weight", i), Shape: []int{out, in}}}
	if biases {
		arrays = append(arrays,
			npz.Array{Name: fmt.Sprintf("layer%d.bias", i), Shape: []int{out}})
	}
	return arrays
}

// Save writes the net to a file as WriteNPZ does. It is written beside path and
// renamed, so that path never holds a part of it.
func (n *Net) Save(path string) error {
	if err := atomicfile.Write(path, n.WriteNPZ); err != nil {
		return fmt.Errorf("fcn: %w", err)
	}
	return nil
}

// Load reads a net of the given architecture from an .npz file, compressed or not, which
// [Net.Save] or [Net.WriteNPZ] wrote, or numpy.savez with the same arrays. The sizes of the net
// are those of the arrays. If the file has an "architecture" it must agree with arch, except
// for which layers are frozen; if it has none the seed is 0. It is an error, which names the
// array, if an array is missing or is one too many, is not of single precision ('<f4'), has
// another shape than the architecture and the other arrays require, such as one that is
// transposed, or has an entry that is not finite, and if the file was cut off or changed.
func Load(path string, arch *ntk.FCN) (*Net, error) {
	var n *Net
	err := npz.ReadFile("fcn", path, func(r io.ReaderAt, size int64) (err error) {
		n, err = parseNPZ(r, size, arch)
		return err
	})
	return n, err
}

// parseNPZ reads a net as [Load] does, from size bytes of r.
func parseNPZ(r io.ReaderAt, size int64, arch *ntk.FCN) (*Net, error) {
	if arch == nil || arch.Depth() == 0 {
		return nil, fmt.Errorf("fcn: no architecture to read a net of; make one with ntk.NewFCN")
	}
	f, err := npz.Open(r, size)
	if err != nil {
		return nil, fmt.Errorf("fcn: %w", err)
	}
	c, err := checked(f, arch)
	if err != nil {
		return nil, fmt.Errorf("fcn: %w", err)
	}
	n, err := New(arch, c)
	if err != nil {
		return nil, err
	}
	for _, p := range n.arrays() {
		if err := f[p.Name].Read(p); err != nil {
			return nil, fmt.Errorf("fcn: %w", err)
		}
	}
	return n, nil
}

// checked returns the sizes and the seed of the net of a file, whose shapes it checks before
// memory is taken for them.
func checked(f npz.File, arch *ntk.FCN) (c Config, err error) {
	const matrix = "a matrix"
	first, err := f.Shape("layer0.weight", 2, matrix)
	if err != nil {
		return c, err
	}
	last, err := f.Shape(fmt.Sprintf("layer%d.weight", arch.Depth()), 2, matrix)
	if err != nil {
		return c, err
	}
	c = Config{Inputs: first[1], Width: first[0], Outputs: last[0]}
	want, err := describe(arch, c)
	if err != nil {
		return c, err
	}
	var d description
	told, err := f.Take(&d)
	if err == nil && told {
		err = d.fits(want)
		if err != nil {
			err = fmt.Errorf("%s of the file: %w", npz.Description, err)
		} else if d.Inputs != c.Inputs || d.Width != c.Width || d.Outputs != c.Outputs {
			err = fmt.Errorf("%s of the file tells of %d inputs, width %d and %d outputs; its "+
				"arrays have %d, %d and %d%s", npz.Description, d.Inputs, d.Width, d.Outputs,
				c.Inputs, c.Width, c.Outputs, transposed(f, want, d))
		}
		c.Seed = d.Seed
	}
	if err != nil {
		return c, err
	}
	var arrays []npz.Array
	in := c.Inputs
	for i, l := range want.Layers {
		out := c.Width
		if i == arch.Depth() {
			out = c.Outputs
		}
		arrays = append(arrays, arraysOf(i, in, out, l.BiasStd > 0)...)
		in = out
	}
	return c, f.Check(arrays, arch, func() string { return transposed(f, want, description{}) })
}

// transposed ends an error about shapes: it names weights that seem to be in×out, if with all of
// them or one of them turned the arrays are those of a net, and of the sizes told, unless these
// are 0.
func transposed(f npz.File, want, told description) string {
	depth := len(want.Layers)
	fits := func(turned func(layer int) bool) bool {
		var in, width, out int
		for i, l := range want.Layers {
			e := f[fmt.Sprintf("layer%d.weight", i)]
			if e == nil || len(e.Shape) != 2 {
				return false
			}
			rows, cols := e.Shape[0], e.Shape[1]
			if turned(i) {
				rows, cols = cols, rows
			}
			b := f[fmt.Sprintf("layer%d.bias", i)]
			if i == 0 {
				in, width = cols, rows
			} else if cols != width || i < depth-1 && rows != width {
				return false
			}
			if l.BiasStd > 0 && (b == nil || !slices.Equal(b.Shape, []int{rows})) {
				return false
			}
			out = rows
		}
		return told.Width == 0 || told.Inputs == in && told.Width == width && told.Outputs == out
	}
	if fits(func(int) bool { return true }) {
		return fmt.Sprintf("; all weights seem to be transposed: that of layer 0 has the shape "+
			"%v, and weights must be out×in, so save .T of each", f["layer0.weight"].Shape)
	}
	var names []string
	for k := range depth {
		if fits(func(i int) bool { return i == k }) {
			name := fmt.Sprintf("layer%d.weight", k)
			names = append(names, fmt.Sprintf("%s, of the shape %v,", name, f[name].Shape))
		}
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("; %s seems to be transposed: weights must be out×in, so save its .T",
		strings.Join(names, " or "))
}
