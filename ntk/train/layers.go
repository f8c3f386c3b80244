package train

import "github.com/kernelsmith/kernelsmith/ntk"

// Layered is a Net that is a chain of layers and says which, so that a [Device] can train it by a
// program of its own. Its Parameters are, for each layer that is no pool, the weights and then the
// biases, of which there may be none.
type Layered interface {
	Net
	// Layers returns the layers, first to last, of which there is at least one, and what makes of
	// inputs (points×inputs) what the first layer takes in, nil if that is the inputs themselves.
	// The last layer puts out the outputs of the net.
	Layers() (layers []Layer, prepare func(inputs []float32) ([]float32, error))
}

// Layer is a layer of a [Layered] net. It takes in images: for each point the places of an image
// row by row, and at each place the channels. For each window of the image, in the same order, it
// puts out φ(u) at one place, with
//
//	u = s W x + t b,
//
// where x are the numbers of the window, again in this order, W and b the weights
// (Outputs×numbers) and the biases, and s and t their Scale; or, if it is a pool, the means of the
// window's channels. A fully connected layer has one window, which is the whole image: one place
// with its units as channels, or all places.
type Layer struct {
	Axes       [2]Axis // of the image, down and across
	Channels   int     // of what it takes in
	Outputs    int     // channels of what it puts out
	Pool       bool
	Activation ntk.Activation // nil if φ(u) is u, as in a readout; and in a pool
}

// Axis is the windows along an axis of an image: window p, of Out, has the places p·Stride - Before
// + w for 0 ≤ w < Size, of the In places of the image. Places beyond its edges are zeros or, with
// Wrap, those of the image repeated.
type Axis struct {
	In, Out, Size, Stride int
	Before                int
	Wrap                  bool
}
