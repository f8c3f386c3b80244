package cnn

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
)

// one is an image, and the variances of its pre-activations in each convolution.
type one[T float32 | float64] struct {
	pixels    []T   // H×W×C
	variances [][]T // of each convolution, one for each position
	// coeffs are Hermite coefficients at these variances, nil for convolutions that do without.
	coeffs [][]T
}

// eight is eight images, of which the same number lie together.
type eight[T float32 | float64] struct {
	pixels    []T
	variances [][]T
	coeffs    [][]T
}

// newImage has room for `together` images.
func newImage[T float32 | float64](a *Architecture, together int) (pixels []T, variances [][]T) {
	pixels = make([]T, a.grid.Height*a.grid.Width*a.grid.Channels*together)
	for _, s := range a.steps {
		if s.phi != nil {
			variances = append(variances, make([]T, s.axes[0].out*s.axes[1].out*together))
		}
	}
	return pixels, variances
}

// set puts an image into a lane.
func (e eight[T]) set(lane int, x one[T]) {
	put := func(to, from []T) {
		for i, v := range from {
			to[i*lanes+lane] = v
		}
	}
	put(e.pixels, x.pixels)
	for i, v := range x.variances {
		put(e.variances[i], v)
	}
}

// take gets the image of a lane.
func (e eight[T]) take(lane int, x one[T]) {
	get := func(to, from []T) {
		for i := range to {
			to[i] = from[i*lanes+lane]
		}
	}
	get(x.pixels, e.pixels)
	for i, v := range e.variances {
		get(x.variances[i], v)
	}
}

// images is a set of images, eight to a group. The last group is filled up with the last image.
type images[T float32 | float64] struct {
	n      int
	groups []eight[T]
}

// newImages looks at each image of a set once. Errors call the set by its name.
func newImages[T float32 | float64](
	ctx context.Context, a *Architecture, tables []*coefficients, x ntk.Inputs[T], name string,
) (*images[T], error) {
	if err := a.image.checkSet(len(x.Rows), x.N, x.D, name); err != nil {
		return nil, err
	}
	s := &images[T]{n: x.N, groups: make([]eight[T], (x.N+lanes-1)/lanes)}
	p := a.plan(true)
	err := parallel.Each(ctx, len(s.groups), func(g int, stop func() bool) error {
		group := &s.groups[g]
		group.pixels, group.variances = newImage[T](a, lanes)
		w := newPass[T](a, p)
		w.tables = tables
		w.x.coeffs = make([][]T, len(w.x.variances))
		x1, x8 := w.x, eight[T]{}
		x8.pixels, x8.variances = newImage[T](a, lanes)
		x8.coeffs = make([][]T, len(x8.variances))
		for l := range lanes {
			if i := g*lanes + l; i < x.N {
				pixels, err := prepare(a, x.Rows[i*x.D:(i+1)*x.D], i, name)
				if err != nil {
					return err
				}
				copy(x1.pixels, pixels)
				for k := range lanes {
					x8.set(k, one[T]{pixels: x1.pixels})
				}
				w.run(x1, x8)
				if err := checkVariances(a, x1, i, name); err != nil {
					return err
				}
				if stop() {
					return ctx.Err()
				}
			}
			group.set(l, x1)
		}
		return nil
	})
	return s, err
}

// checkSet reports a set of images that is not what its sizes say.
func (m Image) checkSet(entries, n, d int, name string) error {
	size := m.Height * m.Width * m.Channels
	switch {
	case n < 1:
		return fmt.Errorf("cnn: %s has no images", name)
	case d != size:
		return fmt.Errorf("cnn: %s has images of %d numbers; %d×%d pixels of %d channels are %d",
			name, d, m.Height, m.Width, m.Channels, size)
	case entries/d != n || entries%d != 0:
		return fmt.Errorf("cnn: %s has %d numbers, which are not %d images of %d", name, entries, n,
			d)
	}
	return nil
}

// prepare returns what the first convolution of a net is given of image i of a set, H×W×C of the
// grid: patches and pools before it are of pixels.
func prepare[T float32 | float64](
	a *Architecture, row []T, i int, name string,
) (pixels []T, err error) {
	if pixels, err = read(a.image, row, i, name); err != nil {
		return nil, err
	}
	if a.patches != nil {
		if pixels, err = prepared(a.patches, pixels, i, name); err != nil {
			return nil, err
		}
	}
	for _, pool := range a.pools {
		pixels = pooled(pool.axes, pixels, a.grid.Channels)
	}
	return pixels, nil
}

// read returns a row with its channels last, and reports a number that is not finite.
func read[T float32 | float64](m Image, row []T, i int, name string) ([]T, error) {
	area, pixels := m.Height*m.Width, make([]T, len(row))
	for k := range pixels {
		p, c := k/m.Channels, k%m.Channels
		from := k
		if m.ChannelsFirst {
			from = c*area + p
		}
		if v := float64(row[from]); !finite(v) {
			return nil, fmt.Errorf("cnn: %s: image %d is %v at row %d, column %d, channel %d; "+
				"pixels must be finite", name, i, v, p/m.Width, p%m.Width, c)
		}
		pixels[k] = row[from]
	}
	return pixels, nil
}

// pooled returns the means of pixels over windows.
func pooled[T float32 | float64](axes [2]axisOp, pixels []T, channels int) []T {
	down, across := axes[0], axes[1]
	out := make([]T, down.out*across.out*channels)
	for k := range out {
		r, c := k/channels/across.out, k/channels%across.out
		sum := 0.0
		for v := range down.size {
			for w := range across.size {
				i, j := down.source(r, v), across.source(c, w)
				if i >= 0 && j >= 0 {
					sum += float64(pixels[(i*across.in+j)*channels+k%channels])
				}
			}
		}
		out[k] = T(sum / float64(down.size*across.size))
	}
	return out
}

// checkVariances reports an image whose pre-activations have variances that are no numbers, or
// of which squares leave the range of T.
func checkVariances[T float32 | float64](a *Architecture, x one[T], i int, name string) error {
	least, most := 1e-140, 1e140
	if accel.IsSingle[T]() {
		least, most = 1e-15, 1e15
	}
	for l, variances := range x.variances {
		largest := 0.0
		for _, v := range variances {
			largest = math.Max(largest, float64(v)) // NaN if one is
		}
		switch {
		case largest == 0 || least <= largest && largest <= most:
			continue
		case math.IsNaN(largest):
			return fmt.Errorf("cnn: %s: image %d: convolution %d has pre-activations without a "+
				"variance: they are too large, for numbers or for what the activation before "+
				"was built for", name, i, l+1)
		}
		return fmt.Errorf("cnn: %s: image %d: convolution %d has pre-activations of variance "+
			"%.4g; within %g and %g, or 0, it can be computed with: scale the pixels or σ_w, or "+
			"use double precision", name, i, l+1, largest, least, most)
	}
	return nil
}
