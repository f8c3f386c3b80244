package design

import (
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// Variance at 17 cosines of the paper's form, with its derivatives by the parameters and
// without, as in a step of the search.
func BenchmarkSpreads(b *testing.B) {
	f := Paper()
	ps := ntk.Must(f.parameters())
	v := []float64{0.3, -0.4, 1.2, 0.5, 0.3, 2.5, 0.7}
	out, jacobian := make([]float64, 17), make([]float64, 17*len(v))
	for _, c := range []struct {
		name string
		by   []float64
	}{{"values", nil}, {"derivatives", jacobian}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				quickly(spreadCosines).variances(f.shape(ps, v), out, c.by)
			}
		})
	}
}
