package ntk

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
)

// Fingerprint returns 32 hexadecimal digits that change when the net does: the
// standard deviations of each layer, and φ and φ' on 321 points of [-8, 8]. It
// is for the keys of records; two activations that differ only between those
// points or beyond are not told apart.
func (f *FCN) Fingerprint() string {
	h := fnv.New128a()
	write := func(values ...float64) {
		for _, v := range values {
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
			h.Write(b[:])
		}
	}
	for _, l := range f.layers {
		write(l.WeightStd, l.BiasStd)
		for i := range 321 {
			z := float64(i-160) / 20
			write(l.Activation.Value(z), l.Activation.Derivative(z))
		}
	}
	write(f.readout.WeightStd, f.readout.BiasStd)
	return fmt.Sprintf("%x", h.Sum(nil))
}
