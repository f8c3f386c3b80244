package hermite_test

import (
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
)

func benchmarked() []closed {
	mimic := ntk.PublishedMimic()
	return []closed{
		{name: "tanh", f: math.Tanh},
		{name: "GELU", f: gelu},
		{name: "ReLU", f: relu},
		{name: "mimic", f: mimic.Value},
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, c := range benchmarked() {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				resolve(b, c)
			}
		})
	}
}

func BenchmarkDual(b *testing.B) {
	for _, c := range benchmarked() {
		fn := resolve(b, c)
		for _, rho := range []struct {
			name string
			rho  float64
		}{{"0.5", 0.5}, {"0.9", 0.9}, {"0.91", 0.91}, {"0.999", 0.999}, {"-0.999", -0.999},
			{"1", 1}} {
			b.Run(c.name+"/ρ="+rho.name, func(b *testing.B) {
				for b.Loop() {
					fn.Dual(1, rho.rho, 1)
				}
			})
		}
	}
}

func BenchmarkPrepare(b *testing.B) {
	for _, c := range benchmarked() {
		fn := resolve(b, c)
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				fn.Prepare(1)
			}
		})
	}
}

func BenchmarkDualPrepared(b *testing.B) {
	for _, c := range benchmarked() {
		fn := resolve(b, c)
		x, y := fn.Prepare(1), fn.Prepare(1.1)
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				fn.DualPrepared(x, 1, 0.5, 1.1, math.Sqrt(1.1)-0.5, y)
			}
		})
	}
}

// A variance that was not asked for before: the curve is not in the cache.
func BenchmarkDualCurve(b *testing.B) {
	for _, c := range benchmarked() {
		fn := resolve(b, c)
		b.Run(c.name, func(b *testing.B) {
			q := 1.0
			var curve *hermite.Curve
			for b.Loop() {
				q *= 1.000001
				var err error
				if curve, err = fn.DualCurve(q); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(curve.Panels()), "panels")
		})
	}
}
