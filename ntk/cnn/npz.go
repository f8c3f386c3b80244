package cnn

import (
	"fmt"
	"io"
	"slices"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/npz"
)

const (
	netFormat  = "kernelsmith convolutional net"
	netVersion = 1
)

// description is what a file says of its net, beside the parameters.
type description struct {
	Format        string             `json:"format"`
	Version       int                `json:"version"`
	Net           string             `json:"net"`
	Image         [3]int             `json:"image"` // height, width and channels
	ChannelsFirst bool               `json:"channels_first"`
	Width         int                `json:"width"`
	Outputs       int                `json:"outputs"`
	Seed          uint64             `json:"seed"`
	Layers        []layerDescription `json:"layers"`
	Readout       layerDescription   `json:"readout"`
}

type layerDescription struct {
	Kind string `json:"kind"` // "patches", "pool", "conv", "flatten" or "global average"
	windowDescription
	Activation  string  `json:"activation,omitzero"`
	Fingerprint string  `json:"fingerprint,omitzero"` // of the activation, or of what patches are
	WeightStd   float64 `json:"weight_std,omitzero"`
	BiasStd     float64 `json:"bias_std,omitzero"`
	Frozen      bool    `json:"frozen,omitzero"`
}

type windowDescription struct {
	Size    [2]int `json:"size,omitzero"` // down and across
	Stride  [2]int `json:"stride,omitzero"`
	Padding string `json:"padding,omitzero"`
}

func describe(arch *Architecture, c Config) (description, error) {
	m, r := arch.image, arch.readout
	d := description{
		Format: netFormat, Version: netVersion, Net: arch.String(),
		Image: [3]int{m.Height, m.Width, m.Channels}, ChannelsFirst: m.ChannelsFirst,
		Width: c.Width, Outputs: c.Outputs, Seed: c.Seed,
		Readout: layerDescription{Kind: "flatten", WeightStd: r.WeightStd, BiasStd: r.BiasStd,
			Frozen: r.Frozen},
	}
	if r.GlobalAverage {
		d.Readout.Kind = "global average"
	}
	for _, l := range arch.layers {
		size, stride, padding := l.windows()
		of := layerDescription{Kind: "pool",
			windowDescription: windowDescription{size, stride, padding.String()}}
		switch l := l.(type) {
		case Conv:
			alone, err := ntk.UniformFCN(1, l.Activation, 1, 0)
			if err != nil {
				return d, err
			}
			of.Kind, of.Activation, of.Fingerprint = "conv", nameOf(l.Activation),
				alone.Fingerprint()
			of.WeightStd, of.BiasStd, of.Frozen = l.WeightStd, l.BiasStd, l.Frozen
		case Patches:
			of.Kind, of.Fingerprint = "patches", fmt.Sprint(l.Center, l.Normalize, l.Flat)
			if l.Whitening != nil {
				of.Fingerprint += " " + l.Whitening.key
			}
		}
		d.Layers = append(d.Layers, of)
	}
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
	case d.Image != want.Image || d.ChannelsFirst != want.ChannelsFirst:
		return fmt.Errorf("its images are %v, channels first %v; those of the architecture are "+
			"%v, %v", d.Image, d.ChannelsFirst, want.Image, want.ChannelsFirst)
	case len(d.Layers) != len(want.Layers):
		return fmt.Errorf("it is of %s; the architecture is %s", d.Net, want.Net)
	}
	for i, l := range slices.Concat(d.Layers, []layerDescription{d.Readout}) {
		w, name := want.Readout, "the readout"
		if i < len(want.Layers) {
			w, name = want.Layers[i], fmt.Sprintf("layer %d", i+1)
		}
		switch {
		case l.Kind != w.Kind:
			return fmt.Errorf("%s is %s; in the architecture it is %s", name, l.Kind, w.Kind)
		case l.windowDescription != w.windowDescription:
			return fmt.Errorf("%s has windows %v; in the architecture they are %v", name,
				l.windowDescription, w.windowDescription)
		case l.WeightStd != w.WeightStd:
			return fmt.Errorf("%s has σ_w = %v; in the architecture it is %v", name, l.WeightStd,
				w.WeightStd)
		case l.BiasStd != w.BiasStd:
			return fmt.Errorf("%s has σ_b = %v; in the architecture it is %v", name, l.BiasStd,
				w.BiasStd)
		case l.Fingerprint != w.Fingerprint && l.Kind == "patches":
			return fmt.Errorf("%s has patches that are prepared otherwise (%s) than in the "+
				"architecture (%s)", name, l.Fingerprint, w.Fingerprint)
		case l.Fingerprint != w.Fingerprint:
			return fmt.Errorf("%s has the activation %q (fingerprint %s); in the architecture it "+
				"is %q (%s)", name, l.Activation, l.Fingerprint, w.Activation, w.Fingerprint)
		}
	}
	return nil
}

// String is such as "3×3 at a stride of 1×1, SAME".
func (w windowDescription) String() string {
	return fmt.Sprintf("%d×%d at a stride of %d×%d, %s", w.Size[0], w.Size[1], w.Stride[0],
		w.Stride[1], w.Padding)
}

// WriteNPZ writes the net as NumPy's .npz, for numpy.load: for each convolution i from 0
// "layer<i>.weight" (channels × filter height × filter width × channels before it), for the
// readout, which counts as the last, "layer<i>.weight" (outputs × what it takes in, a position's
// channels after another's), and for each where σ_b > 0 "layer<i>.bias", all in single precision
// and standard normal at initialisation (see [Conv] and [Readout] for their factors); and
// "architecture", a string with a JSON object of the image, the layers, the sizes and the seed.
// Whitened patches are described by a fingerprint alone. The same net gives the same bytes.
func (n *Net) WriteNPZ(w io.Writer) error {
	d, err := describe(n.arch, n.config)
	if err == nil {
		err = npz.Write(w, d, arraysOf(n.layers))
	}
	if err != nil {
		return fmt.Errorf("cnn: %w", err)
	}
	return nil
}

// arraysOf are the arrays of a net's file; without values if the layers have none.
func arraysOf(layers []netLayer) (out []npz.Array) {
	k := 0
	for i := range layers {
		l := &layers[i]
		if l.pool {
			continue
		}
		shape := []int{l.out, l.q}
		if i < len(layers)-1 {
			shape = []int{l.out, l.axes[0].size, l.axes[1].size, l.channels}
		}
		out = append(out,
			npz.Array{Name: fmt.Sprintf("layer%d.weight", k), Shape: shape, Values: l.w})
		if l.biasStd > 0 {
			out = append(out,
				npz.Array{Name: fmt.Sprintf("layer%d.bias", k), Shape: []int{l.out}, Values: l.b})
		}
		k++
	}
	return out
}

// Save writes the net to a file as WriteNPZ does. It is written beside path and
// renamed, so that path never holds a part of it.
func (n *Net) Save(path string) error {
	if err := atomicfile.Write(path, n.WriteNPZ); err != nil {
		return fmt.Errorf("cnn: %w", err)
	}
	return nil
}

// Load reads a net of the given architecture from an .npz file, compressed or not, which
// [Net.Save] or [Net.WriteNPZ] wrote, or numpy.savez with the same arrays. The sizes of the net
// are those of the arrays. If the file has an "architecture" it must agree with arch, except
// for which layers are frozen; if it has none the seed is 0. It is an error, which names the
// array, if an array is missing or is one too many, is not of single precision ('<f4'), has
// another shape than the architecture and the other arrays require, or has an entry that is not
// finite, and if the file was cut off or changed.
func Load(path string, arch *Architecture) (*Net, error) {
	var n *Net
	err := npz.ReadFile("cnn", path, func(r io.ReaderAt, size int64) (err error) {
		n, err = parseNPZ(r, size, arch)
		return err
	})
	return n, err
}

// parseNPZ reads a net as [Load] does, from size bytes of r.
func parseNPZ(r io.ReaderAt, size int64, arch *Architecture) (*Net, error) {
	if arch == nil || arch.dense == nil {
		return nil, fmt.Errorf(
			"cnn: no architecture to read a net of; make one with cnn.NewArchitecture")
	}
	f, err := npz.Open(r, size)
	if err != nil {
		return nil, fmt.Errorf("cnn: %w", err)
	}
	c, err := checked(f, arch)
	if err != nil {
		return nil, fmt.Errorf("cnn: %w", err)
	}
	n, err := New(arch, c)
	if err != nil {
		return nil, err
	}
	for _, p := range arraysOf(n.layers) {
		if err := f[p.Name].Read(p); err != nil {
			return nil, fmt.Errorf("cnn: %w", err)
		}
	}
	return n, nil
}

// checked returns the sizes and the seed of the net of a file, whose shapes it checks before
// memory is taken for them.
func checked(f npz.File, arch *Architecture) (c Config, err error) {
	first, err := f.Shape("layer0.weight", 4,
		"channels × filter height × filter width × channels before it")
	if err != nil {
		return c, err
	}
	last, err := f.Shape(fmt.Sprintf("layer%d.weight", arch.dense.Depth()), 2, "a matrix")
	if err != nil {
		return c, err
	}
	c = Config{Width: first[0], Outputs: last[0]}
	want, err := describe(arch, c)
	if err != nil {
		return c, err
	}
	var d description
	told, err := f.Take(&d)
	if err != nil {
		return c, err
	}
	if told {
		if err := d.fits(want); err != nil {
			return c, fmt.Errorf("%s of the file: %w", npz.Description, err)
		}
		if d.Width != c.Width || d.Outputs != c.Outputs {
			return c, fmt.Errorf("%s of the file tells of width %d and %d outputs; its arrays "+
				"have %d and %d", npz.Description, d.Width, d.Outputs, c.Width, c.Outputs)
		}
		c.Seed = d.Seed
	}
	arrays := arraysOf(netLayers(arch, c))
	hint := func() string {
		for _, a := range arrays {
			// As PyTorch has them: out×in×height×width.
			e := f[a.Name]
			if e != nil && len(a.Shape) == 4 && slices.Equal(e.Shape,
				[]int{a.Shape[0], a.Shape[3], a.Shape[1], a.Shape[2]}) {
				return "; weights of PyTorch must be saved as .permute(0, 2, 3, 1)"
			}
		}
		return ""
	}
	return c, f.Check(arrays, arch, hint)
}
