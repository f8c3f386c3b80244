package cnn

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// prepareSource is NAME_prepare of an exported net on patches: in NumPy and in double precision,
// as here.
func prepareSource(name string, e *extraction) string {
	f := body{indent: "    "}
	m, q := e.image, e.entries()
	f.line("x = np.asarray(images, dtype=np.float64)")
	if m.ChannelsFirst {
		f.line("x = x.reshape(-1, %d, %d, %d).transpose(0, 2, 3, 1)", m.Channels, m.Height, m.Width)
	} else {
		f.line("x = x.reshape(-1, %d, %d, %d)", m.Height, m.Width, m.Channels)
	}
	flat := map[bool]string{true: "True", false: "False"}[e.Flat]
	if e.Normalize == EachPixel {
		f.line("x = scaled(x, 0.0, False, %s)", flat)
	}
	for axis, of := range []string{"down", "across"} {
		o := e.axes[axis]
		f.line("%s = np.arange(%d)[:, None] * %d + np.arange(%d) - %d", of, o.out, o.stride,
			o.size, o.before)
	}
	f.line("down, across = down[:, None, :, None], across[None, :, None, :]")
	f.line("inside = (down >= 0) & (down < %d) & (across >= 0) & (across < %d)", m.Height, m.Width)
	f.line("x = x[:, down %% %d, across %% %d]", m.Height, m.Width)
	if e.Padding != Circular {
		f.line("x = x * inside[..., None]")
	}
	f.line("x = x.reshape(-1, %d, %d, %d)", e.axes[0].out, e.axes[1].out, q)
	f.line("least, equal = 0.0, (x == 0).all(-1)")
	if e.Center {
		f.line("largest = abs(x).max(-1, keepdims=True)")
		f.line("x = x - x.mean(-1, keepdims=True)")
		f.line("equal = (abs(x) <= 2.0**-46 * largest).all(-1)")
	}
	if w := e.Whitening; w != nil {
		f.line("mean = np.frombuffer(base64.b64decode(%q))", inBase64(w.mean))
		f.line("matrix = np.frombuffer(base64.b64decode(%q)).reshape(%d, %d)", inBase64(w.matrix),
			q, q)
		f.line("largest = np.maximum(abs(x).max((1, 2, 3)), abs(mean).max())[:, None, None]")
		f.line("x = (x - mean) @ matrix")
		f.line("least = 2.0**-46 * largest * %s",
			strconv.FormatFloat(math.Sqrt(float64(q))*w.norm, 'g', -1, 64))
	}
	if e.Normalize == EachPatch {
		f.line("x = scaled(x, least, equal, %s)", flat)
	}
	f.line("return x.reshape(len(x), -1).astype(np.float32)")
	return strings.NewReplacer("NAME", name, "BODY\n", f.text.String()).Replace(pythonPrepare)
}

const pythonPrepare = `def NAME_prepare(images):
    """Return what the net takes of images, a row of numbers each: the patches of each in a row."""

    def scaled(x, least, flat, ones):
        norm = np.sqrt((x * x).sum(-1))
        flat = flat | (norm <= least)
        if flat.any() and not ones:
            raise ValueError(f"nothing to scale at image, row and column {np.argwhere(flat)[0]}")
        x = x * (np.sqrt(x.shape[-1]) / np.where(flat, 1.0, norm))[..., None]
        return np.where(flat[..., None], 1.0, x)

BODY
`

// inBase64 is numbers in double precision, little-endian, as NumPy reads them.
func inBase64(x []float64) string {
	b := make([]byte, 0, 8*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return base64.StdEncoding.EncodeToString(b)
}
