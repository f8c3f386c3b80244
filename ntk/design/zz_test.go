package design_test
import ("testing";"math";"github.com/kernelsmith/kernelsmith/ntk")
func BenchmarkPlain(b *testing.B) {
	z := make([]float32, 8192)
	for i := range z { z[i] = float32(math.Sin(float64(i) * 1.7)) }
	v, d := make([]float32, len(z)), make([]float32, len(z))
	for _, name := range []string{"published", "rectifiers", "bumps", "erf", "GELU"} {
		a := ntk.Must(formulas[name].Activation())
		b.Run(name, func(b *testing.B) { for b.Loop() { for i, x := range z { v[i], d[i] = float32(a.Value(float64(x))), float32(a.Derivative(float64(x))) } }
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(z)), "ns/value") })
	}
}
