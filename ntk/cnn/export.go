package cnn

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/design"
)

// PyTorch returns a Python module with the class name, a torch.nn.Module that is the net with its
// activations: forward takes images, a row of numbers each as [Image] has them, to outputs. Its
// parameters have the names of the arrays of [Net.WriteNPZ], are standard normal when it is made,
// and those of a file after load(path); their factors are in forward, so that training is in the
// NTK parameterization. Frozen layers have requires_grad off.
//
// With [Patches] the module has the function name_prepare, too, in NumPy and in double precision:
// it makes of images what forward then takes, all entries of all patches.
//
// Errors: a name that is no identifier of Python or that the module needs itself, and an activation
// that [design.FromActivation] does not know.
func (n *Net) PyTorch(name string) (string, error) {
	e := exporter{net: n, phi: design.PyTorch, phiName: name + "Phi"}
	if err := e.begin(name); err != nil {
		return "", err
	}
	e.imports["import numpy as np"] = true
	layers := &strings.Builder{}
	f := &e.forward
	m := n.taken()
	if m.ChannelsFirst {
		f.line("h = x.reshape(-1, %d, %d, %d)  # channels, height, width", m.Channels, m.Height,
			m.Width)
	} else {
		f.line("h = x.reshape(-1, %d, %d, %d).permute(0, 3, 1, 2)  # channels, height, width",
			m.Height, m.Width, m.Channels)
	}
	err := e.layers(func(w window) {
		switch before, after := w.beyond(); {
		case w.wraps():
			f.line("h = h[:, :, %s][:, :, :, %s]", w.turn(0), w.turn(1))
		case before != [2]int{} || after != [2]int{}:
			f.line("h = torch.nn.functional.pad(h, (%d, %d, %d, %d))", before[1], after[1],
				before[0], after[0])
		}
		stride := fmt.Sprintf("stride=(%d, %d)", w.axes[0].stride, w.axes[1].stride)
		if w.pool {
			f.line("h = torch.nn.functional.avg_pool2d(h, (%d, %d), %s)", w.axes[0].size,
				w.axes[1].size, stride)
			return
		}
		bias := "None"
		if w.biasStd != 0 {
			bias = fmt.Sprintf("%s * self.layer%d.bias", number(w.biasStd), w.array)
		}
		f.line("w = %s * self.layer%d.weight.permute(0, 3, 1, 2)", number(w.scale), w.array)
		f.line("h = self.phi%d(torch.nn.functional.conv2d(h, w, %s, %s))", w.phi, bias, stride)
	})
	if err != nil {
		return "", err
	}
	if n.arch.readout.GlobalAverage {
		f.line("h = h.mean((2, 3))")
	} else {
		f.line("h = h.permute(0, 2, 3, 1).flatten(1)")
	}
	e.last("self.layer%d.weight", "self.layer%d.bias")
	for k, l := range e.arrays() {
		trained := map[bool]string{true: "False", false: "True"}[l.frozen]
		bias := map[bool]string{true: "True", false: "False"}[l.biasStd > 0]
		fmt.Fprintf(layers, "        self.layer%d = %sLayer(%s, bias=%s, trained=%s)\n", k, name,
			l.shape(), bias, trained)
	}
	for k := range e.phis {
		fmt.Fprintf(layers, "        self.phi%d = %sPhi%d()\n", k, name, k)
	}
	return e.module(strings.NewReplacer("NAME", name, "LAYERS\n", layers.String(), "FORWARD\n",
		f.text.String()).Replace(pytorchNet)), nil
}

const pytorchNet = `class NAMELayer(torch.nn.Module):
    """Standard normal weights, a row for each channel or output, and biases."""

    def __init__(self, *shape, bias, trained):
        super().__init__()

        def normal(*size):
            return torch.nn.Parameter(torch.randn(*size), requires_grad=trained)

        self.weight = normal(*shape)
        self.bias = normal(shape[0]) if bias else None


class NAME(torch.nn.Module):
    """Takes images, a row of numbers each, to outputs."""

    def __init__(self):
        super().__init__()
LAYERS

    def load(self, path):
        """Take the parameters of a file that the net was saved to."""
        with np.load(path) as arrays, torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(torch.from_numpy(arrays[name]))
        return self

    def forward(self, x):
FORWARD
`

// JAX returns a Python module with three functions: name(parameters, x) takes images, a row of
// numbers each as [Image] has them, to outputs, and is to be differentiated, compiled and mapped;
// name_init(key) makes standard normal parameters, and name_load(path) reads those of a file of
// [Net.Save]. Parameters are a dictionary by the names of the arrays of [Net.WriteNPZ]; their
// factors are in the net, so that training is in the NTK parameterization. No gradient goes to
// frozen layers. Patches are prepared as for [Net.PyTorch].
//
// Errors: as of [Net.PyTorch].
func (n *Net) JAX(name string) (string, error) {
	e := exporter{net: n, phi: design.JAX, phiName: name + "_phi"}
	if err := e.begin(name); err != nil {
		return "", err
	}
	for _, i := range []string{"import jax", "import numpy as np"} {
		e.imports[i] = true
	}
	f := &e.forward
	f.indent = "    "
	m := n.taken()
	if m.ChannelsFirst {
		f.line("h = jnp.reshape(x, (-1, %d, %d, %d)).transpose(0, 2, 3, 1)  # channels last",
			m.Channels, m.Height, m.Width)
	} else {
		f.line("h = jnp.reshape(x, (-1, %d, %d, %d))", m.Height, m.Width, m.Channels)
	}
	err := e.layers(func(w window) {
		switch before, after := w.beyond(); {
		case w.wraps():
			f.line("h = h[:, np.array(%s)][:, :, np.array(%s)]", w.turn(0), w.turn(1))
		case before != [2]int{} || after != [2]int{}:
			f.line("h = jnp.pad(h, ((0, 0), (%d, %d), (%d, %d), (0, 0)))", before[0], after[0],
				before[1], after[1])
		}
		size, stride := [2]int{w.axes[0].size, w.axes[1].size}, [2]int{w.axes[0].stride,
			w.axes[1].stride}
		if w.pool {
			f.line("h = jax.lax.reduce_window(h, 0.0, jax.lax.add, (1, %d, %d, 1), "+
				"(1, %d, %d, 1), \"VALID\") / %d", size[0], size[1], stride[0], stride[1],
				size[0]*size[1])
			return
		}
		f.line("w = %s * %s", number(w.scale), w.parameter("weight"))
		f.line("u = jax.lax.conv_general_dilated(h, w, (%d, %d), \"VALID\", "+
			"dimension_numbers=(\"NHWC\", \"OHWI\", \"NHWC\"))", stride[0], stride[1])
		bias := ""
		if w.biasStd != 0 {
			bias = fmt.Sprintf(" + %s * %s", number(w.biasStd), w.parameter("bias"))
		}
		f.line("h = %s%d(u%s)", e.phiName, w.phi, bias)
	})
	if err != nil {
		return "", err
	}
	if n.arch.readout.GlobalAverage {
		f.line("h = h.mean((1, 2))")
	} else {
		f.line("h = h.reshape(h.shape[0], -1)")
	}
	last := window{netLayer: n.layers[len(n.layers)-1]}
	e.last(last.parameterOf("weight"), last.parameterOf("bias"))
	shapes := &strings.Builder{}
	for _, a := range arraysOf(n.layers) {
		var sizes []string
		for _, s := range a.Shape {
			sizes = append(sizes, strconv.Itoa(s))
		}
		if len(sizes) == 1 { // a tuple of one
			sizes = append(sizes, "")
		}
		fmt.Fprintf(shapes, "        %q: (%s),\n", a.Name,
			strings.TrimSpace(strings.Join(sizes, ", ")))
	}
	return e.module(strings.NewReplacer("NAME", name, "SHAPES\n", shapes.String(), "FORWARD\n",
		f.text.String()).Replace(jaxNet)), nil
}

const jaxNet = `def NAME_init(key):
    """Return standard normal parameters."""
    shapes = {
SHAPES
    }
    keys = jax.random.split(key, len(shapes))
    return {name: jax.random.normal(k, shape) for k, (name, shape) in zip(keys, shapes.items())}


def NAME_load(path):
    """Return the parameters of a file that the net was saved to."""
    with np.load(path) as arrays:
        return {name: jnp.asarray(arrays[name]) for name in arrays if name != "architecture"}


def NAME(parameters, x):
    """Take images, a row of numbers each, to outputs."""
FORWARD
`

// taken is the shape of the images that an exported net takes: of prepared ones, with patches.
func (n *Net) taken() Image {
	if e := n.arch.patches; e != nil {
		return e.grid()
	}
	return n.arch.image
}

// exporter writes a module.
type exporter struct {
	net     *Net
	phi     func(f design.Exportable, name string) (string, error)
	phiName string

	imports map[string]bool
	phis    []design.Exportable // activations that differ
	sources []string            // their text, after that of the preparation of patches
	forward body
}

// body is the text of a function.
type body struct {
	text   strings.Builder
	indent string
}

func (b *body) line(format string, a ...any) {
	if b.indent == "" {
		b.indent = "        "
	}
	fmt.Fprintf(&b.text, b.indent+format+"\n", a...)
}

// begin reports what cannot be exported, and writes the activations.
func (e *exporter) begin(name string) error {
	e.imports = map[string]bool{}
	if p := e.net.arch.patches; p != nil {
		e.sources = append(e.sources, strings.TrimSpace(prepareSource(name, p)))
		if p.Whitening != nil {
			e.imports["import base64"] = true
		}
	}
	// An activation under this name would have the same errors.
	if _, err := e.phi(design.Formula{}, name); err != nil {
		return fmt.Errorf("cnn: %w", err)
	}
	for _, s := range e.net.arch.steps {
		if s.phi == nil {
			continue
		}
		f, err := design.FromActivation(s.phi)
		if err != nil {
			return fmt.Errorf("cnn: %w", err)
		}
		if e.indexOf(f) >= 0 {
			continue
		}
		text, err := e.phi(f, e.phiName+strconv.Itoa(len(e.phis)))
		if err != nil {
			return fmt.Errorf("cnn: %w", err)
		}
		// After its heading, a line, come imports.
		lines := strings.Split(text, "\n")[1:]
		for len(lines) > 0 && (lines[0] == "" || strings.HasPrefix(lines[0], "import ")) {
			if lines[0] != "" {
				e.imports[lines[0]] = true
			}
			lines = lines[1:]
		}
		e.phis = append(e.phis, f)
		e.sources = append(e.sources, strings.TrimSpace(strings.Join(lines, "\n")))
	}
	return nil
}

func (e *exporter) indexOf(f design.Exportable) int {
	return slices.IndexFunc(e.phis,
		func(g design.Exportable) bool { return reflect.DeepEqual(f, g) })
}

// window is a layer to export; array is the number of its arrays and phi that of its activation.
type window struct {
	netLayer
	array, phi int
}

// layers calls f for the pools and convolutions, in their order.
func (e *exporter) layers(f func(w window)) error {
	a := e.net.arch
	for _, s := range a.pools {
		f(window{netLayer: netLayer{axes: s.axes, pool: true}})
	}
	array := 0
	for i, s := range a.steps {
		w := window{netLayer: e.net.layers[i], array: array}
		if s.phi != nil {
			phi, err := design.FromActivation(s.phi)
			if err != nil {
				return fmt.Errorf("cnn: %w", err)
			}
			w.phi = e.indexOf(phi)
			array++
		}
		f(w)
	}
	return nil
}

// beyond is how far windows reach beyond the edges.
func (w window) beyond() (before, after [2]int) {
	for axis, o := range w.axes {
		before[axis], after[axis] = o.before, max(0, (o.out-1)*o.stride+o.size-o.before-o.in)
	}
	return before, after
}

// wraps says that the image is repeated beyond its edges.
func (w window) wraps() bool {
	before, after := w.beyond()
	return w.axes[0].wrap && (before != [2]int{} || after != [2]int{})
}

// turn lists the places of an axis that is repeated beyond its edges.
func (w window) turn(axis int) string {
	before, after := w.beyond()
	n := w.axes[axis].in
	return fmt.Sprintf("[i %% %d for i in range(%d, %d)]", n, -before[axis], n+after[axis])
}

// parameterOf is an array of parameters in JAX, with its number left out.
func (w window) parameterOf(kind string) string {
	if w.frozen {
		return "jax.lax.stop_gradient(parameters[\"layer%d." + kind + "\"])"
	}
	return "parameters[\"layer%d." + kind + "\"]"
}

func (w window) parameter(kind string) string { return fmt.Sprintf(w.parameterOf(kind), w.array) }

// last writes the readout; the names of its arrays have their number left out.
func (e *exporter) last(weight, bias string) {
	k := len(e.net.weighted()) - 1
	l := &e.net.layers[len(e.net.layers)-1]
	text := fmt.Sprintf("return %s * h @ "+weight+".T", number(l.scale), k)
	if l.biasStd != 0 {
		text += fmt.Sprintf(" + %s * "+bias, number(l.biasStd), k)
	}
	e.forward.line("%s", text)
}

// arrays are the layers that have weights.
func (e *exporter) arrays() (out []window) {
	for k, i := range e.net.weighted() {
		out = append(out, window{netLayer: e.net.layers[i], array: k})
	}
	return out
}

// shape lists the sizes of the weights.
func (w window) shape() string {
	if w.eval == nil {
		return fmt.Sprintf("%d, %d", w.out, w.q)
	}
	return fmt.Sprintf("%d, %d, %d, %d", w.out, w.axes[0].size, w.axes[1].size, w.channels)
}

// number is a factor as single precision has it.
func number(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }

// module puts the parts of a module together.
func (e *exporter) module(net string) string {
	var out strings.Builder
	c := e.net.config
	fmt.Fprintf(&out, "\"\"\"Exported by Kernelsmith: %v; width %d, %d outputs.\"\"\"\n\n",
		e.net.arch, c.Width, c.Outputs)
	imports := []string{}
	for line := range e.imports {
		imports = append(imports, line)
	}
	slices.Sort(imports)
	out.WriteString(strings.Join(imports, "\n") + "\n")
	for _, s := range append(e.sources, strings.TrimSpace(net)) {
		out.WriteString("\n\n" + s + "\n")
	}
	return out.String()
}
