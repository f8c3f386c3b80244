package cnn

import (
	"fmt"
	"math"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"gonum.org/v1/gonum/blas"
)

// Normalization says which vectors are brought to one norm.
type Normalization int

const (
	AsTheyAre Normalization = iota // none
	EachPixel                      // the channels of each pixel of the image, to norm √C
	EachPatch                      // each patch, after all else, to norm √q
)

// String returns "AsTheyAre", "EachPixel" or "EachPatch".
func (n Normalization) String() string {
	switch n {
	case AsTheyAre:
		return "AsTheyAre"
	case EachPixel:
		return "EachPixel"
	case EachPatch:
		return "EachPatch"
	}
	return fmt.Sprintf("Normalization(%d)", int(n))
}

// Patches is the first layer of a net on patches of images. It makes an image of patches: at the
// place of each window one pixel with q = kh·kw·C channels, the entries of the window in the order
// of its rows, columns and channels. A [Conv] with a 1×1 filter after it is a convolution with
// filters of the window's size, σ_w/√q Σ V x + σ_b β. So Patches without any of the following
// change nothing; what they are for is that each patch can be prepared, in this order:
//
//	EachPixel    the channels of each pixel are scaled to norm √C, before patches are taken
//	Center       the mean of a patch's entries is subtracted from them
//	Whitening    x ← W (x - m), with the mean m and the matrix W of training patches
//	EachPatch    a patch is scaled to norm √q
//
// Zeros beyond the edge, with [Same], are entries as others are. With EachPatch, or with EachPixel
// where the padding is not Same and nothing else is done, all patches have norm √q, so that all
// pre-activations after σ_w = 1, σ_b = 0 have variance 1.
//
// All this is done in double precision. An image of patches has up to kh·kw times the numbers of
// the image.
type Patches struct {
	Filter    [2]int // height and width, kh and kw
	Stride    [2]int // down and across; left out, {1, 1}
	Padding   Padding
	Center    bool
	Whitening *Whitening // by [FitWhitening] of patches that are otherwise the same; nil is none
	Normalize Normalization
	// Flat says what becomes of a pixel or patch without a direction, which cannot be scaled: one
	// of zeros and, with Center, a patch of equal entries. If set, it becomes (1, …, 1), which has
	// the norm of the others, and with Center is orthogonal to all of them. If not, it is an error
	// that names the image and the place.
	Flat bool
}

func (p Patches) windows() (size, stride [2]int, padding Padding) {
	if stride = p.Stride; stride == [2]int{} {
		stride = [2]int{1, 1}
	}
	return p.Filter, stride, p.Padding
}

// text is what [Architecture.String] begins with.
func (p Patches) text(size string) string {
	var words []string
	if p.Center {
		words = append(words, "centred")
	}
	if p.Whitening != nil {
		words = append(words, "whitened")
	}
	words = append(words, size+" patches")
	switch p.Normalize {
	case EachPixel:
		words = append(words, "of pixels of one norm")
	case EachPatch:
		words = append(words, "of one norm")
	}
	return strings.Join(words, " ")
}

// extraction is Patches of images of one shape.
type extraction struct {
	Patches
	image Image
	axes  [2]axisOp
}

// mostNumbers bounds an image of patches.
const mostNumbers = 1e8

// newExtraction checks everything but the whitening.
func newExtraction(p Patches, m Image) (*extraction, error) {
	e := &extraction{Patches: p, image: m}
	size, stride, padding := p.windows()
	e.Stride = stride
	for axis, n := range [2]int{m.Height, m.Width} {
		var err error
		e.axes[axis], err = newAxisOp(n, size[axis], stride[axis], padding, false)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", [2]string{"down", "across"}[axis], err)
		}
	}
	switch p.Normalize {
	case AsTheyAre, EachPixel, EachPatch:
	default:
		return nil, fmt.Errorf("%v is none of AsTheyAre, EachPixel and EachPatch", p.Normalize)
	}
	if numbers := float64(e.places()) * float64(e.Filter[0]) * float64(e.Filter[1]) *
		float64(m.Channels); numbers > mostNumbers {
		return nil, fmt.Errorf("%d patches of %d×%d×%d entries of an image are more than %g "+
			"numbers: a longer stride or a smaller filter makes fewer", e.places(), e.Filter[0],
			e.Filter[1], m.Channels, mostNumbers)
	}
	return e, nil
}

// entries is q, and places is how many patches an image has.
func (e *extraction) entries() int { return e.Filter[0] * e.Filter[1] * e.image.Channels }
func (e *extraction) places() int  { return e.axes[0].out * e.axes[1].out }

// grid is the image of patches.
func (e *extraction) grid() Image {
	return Image{Height: e.axes[0].out, Width: e.axes[1].out, Channels: e.entries()}
}

// prepared returns the image of patches of an image with its channels last.
func prepared[T float32 | float64](e *extraction, pixels []T, i int, name string) ([]T, error) {
	image, err := e.pixels(float64s(pixels), i, name)
	if err != nil {
		return nil, err
	}
	q, n := e.entries(), e.places()
	patches := make([]float64, n*q)
	flat := make([]bool, n)
	for p := range n {
		flat[p] = e.take(patches[p*q:(p+1)*q], image, p)
	}
	least := 0.0
	if w := e.Whitening; w != nil {
		patches, least = w.apply(patches, n)
	}
	if e.Normalize == EachPatch {
		for p := range n {
			patch := patches[p*q : (p+1)*q]
			if flat[p] || !scaleTo(patch, math.Sqrt(float64(q)), least) {
				why := "it is 0"
				switch {
				case flat[p] && e.Center:
					why = "its entries are equal"
				case !flat[p]:
					why = "it is the mean of the whitening's patches"
				}
				if err := e.flatten(patch, "patch", i, p/e.axes[1].out, p%e.axes[1].out, name,
					why); err != nil {
					return nil, err
				}
			}
		}
	}
	out := make([]T, len(patches))
	for k, v := range patches {
		out[k] = T(v)
	}
	return out, nil
}

func float64s[T float32 | float64](x []T) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// pixels returns the image, which it may overwrite, with its pixels normalised if they are to be.
func (e *extraction) pixels(image []float64, i int, name string) ([]float64, error) {
	if e.Normalize != EachPixel {
		return image, nil
	}
	c, width := e.image.Channels, e.image.Width
	for p := range len(image) / c {
		pixel := image[p*c : (p+1)*c]
		if !scaleTo(pixel, math.Sqrt(float64(c)), 0) {
			if err := e.flatten(pixel, "pixel", i, p/width, p%width, name, "it is 0"); err != nil {
				return nil, err
			}
		}
	}
	return image, nil
}

// flatten sets a vector that has no direction to ones, or says that it cannot be scaled.
func (e *extraction) flatten(
	x []float64, kind string, i, row, column int, name, why string,
) error {
	if !e.Flat {
		return fmt.Errorf("cnn: %s: image %d has a %s at row %d, column %d without a direction, "+
			"which cannot be brought to a norm: %s; set Flat, which makes it (1, …, 1), or leave "+
			"the image out", name, i, kind, row, column, why)
	}
	for k := range x {
		x[k] = 1
	}
	return nil
}

// take sets dst to patch p of an image, centred if it is to be, and says whether that leaves
// nothing.
func (e *extraction) take(dst, image []float64, p int) (flat bool) {
	c, at := e.image.Channels, dst
	for v := range e.Filter[0] {
		i := e.axes[0].source(p/e.axes[1].out, v)
		for w := range e.Filter[1] {
			j := e.axes[1].source(p%e.axes[1].out, w)
			if i < 0 || j < 0 {
				clear(at[:c])
			} else {
				copy(at[:c], image[(i*e.image.Width+j)*c:])
			}
			at = at[c:]
		}
	}
	largest := largestOf(dst)
	if !e.Center {
		return largest == 0
	}
	sum := 0.0
	for _, v := range dst {
		sum += v
	}
	mean := sum / float64(len(dst))
	flat = true
	for k := range dst {
		dst[k] -= mean
		flat = flat && math.Abs(dst[k]) <= 0x1p-46*largest
	}
	return flat
}

// scaleTo scales x to a norm, and reports whether it can: whether its norm is above some least one.
func scaleTo(x []float64, norm, least float64) bool {
	largest := largestOf(x)
	if largest < 1e-290 { // of which the inverse may not be a number
		for k := range x {
			x[k] *= 1e290
		}
		least *= 1e290
		largest = largestOf(x)
	}
	if largest == 0 {
		return false
	}
	sum, inverse := 0.0, 1/largest
	for _, v := range x {
		v *= inverse
		sum += v * v
	}
	own := math.Sqrt(sum)
	if largest*own <= least {
		return false
	}
	scale := norm / own
	for k, v := range x {
		x[k] = v * inverse * scale
	}
	return true
}

// largestOf returns the largest size of finite numbers.
func largestOf(x []float64) (largest float64) {
	for _, v := range x {
		if v = math.Abs(v); v > largest {
			largest = v
		}
	}
	return largest
}

// apply returns W (x - m) of n patches, which it overwrites, and the norm below which a result is
// rounding.
func (w *Whitening) apply(patches []float64, n int) (out []float64, least float64) {
	q, largest := len(w.mean), max(largestOf(patches), largestOf(w.mean))
	for p := range n {
		patch := patches[p*q : (p+1)*q]
		for k, m := range w.mean {
			patch[k] -= m
		}
	}
	out = make([]float64, len(patches))
	accel.Serial64().Dgemm(blas.NoTrans, blas.NoTrans, n, q, q, 1, patches, q, w.matrix, q, 0, out,
		q)
	return out, 0x1p-46 * largest * math.Sqrt(float64(q)) * w.norm
}
