package plotting

import (
	"encoding/binary"
	"math"
	"testing"
)

// FuzzFigure draws any numbers in any order on any axes: an error or a picture, never a panic.
func FuzzFigure(f *testing.F) {
	number := func(vs ...float64) []byte {
		var b []byte
		for _, v := range vs {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		return b
	}
	f.Add(number(1, 2, 3, 4, 5, 6), uint8(0), "1HL mimic", 0.0, 1.0)
	f.Add(number(0, 1, 10, 1, 2, 3), uint8(3), "φ̃", 0.1, 1.0)
	f.Add(number(-1.7e308, 1.7e308, 5e-324, 1e16, 1e16+2, 0), uint8(4), "a_{", -1e300, 1e300)
	f.Add(number(5e-324, 5e-324, 1e-300, 1e308, 1, 1e-323), uint8(7), "x²", 5e-324, 1.7e308)
	f.Add(number(5e-324, 2e-314, 1e-300, 1e308, 1, 1e-323), uint8(7), "x²", 5e-324, 1.7e308)
	f.Add(number(math.NaN(), math.Inf(1)), uint8(1), "", math.NaN(), 0.0)
	f.Fuzz(func(t *testing.T, b []byte, flags uint8, name string, lo, hi float64) {
		vs := make([]float64, min(len(b)/8, 60))
		for i := range vs {
			vs[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
		n := len(vs) / 3
		opt := Options{
			X:      name,
			LogX:   flags&1 != 0,
			LogY:   flags&2 != 0,
			Width:  2,
			Height: 1.5,
			DPI:    30,
		}
		if flags&4 != 0 {
			opt.YRange = &[2]float64{lo, hi}
		}
		for _, build := range []func(*Figure){
			func(f *Figure) { f.Line(name, vs[:n], vs[n:2*n], Dashed) },
			func(f *Figure) { f.Line(name, vs[:n], vs[n:]) },
			func(f *Figure) { f.Band(name, vs[:n], vs[n:2*n], vs[2*n:3*n]) },
			func(f *Figure) {
				low, high := make([]float64, n), make([]float64, n)
				for i := range n {
					low[i], high[i] = math.Min(vs[n+i], vs[2*n+i]), math.Max(vs[n+i], vs[2*n+i])
				}
				f.Band(name, vs[:n], low, high)
				f.Points(name, vs[:n], low)
			},
			func(f *Figure) {
				f.HLine(name, lo)
				f.VLine(name, hi)
				f.Callout(lo, hi, hi, lo, name)
			},
		} {
			fig := New(opt)
			build(fig)
			for _, encode := range []func(Drawing) ([]byte, error){PNG, SVG} {
				b, err := encode(fig)
				if (err == nil) != (len(b) > 0) || (err == nil) != (fig.Err() == nil) {
					t.Fatalf("%d bytes, error %v, Err %v", len(b), err, fig.Err())
				}
			}
		}
	})
}
