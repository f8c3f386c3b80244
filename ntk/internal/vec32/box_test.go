package vec32

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// padded returns n places of numbers with room behind, and numbers before and behind that must not
// be touched.
func padded(seed uint64, n int) (all, x []float32) {
	all = normals(seed, (n+BoxRoom+2)*Together)
	return all, all[Together : (n+1)*Together]
}

// A Box is the loops that it stands for, to the bit, for all numbers of columns, and takes nothing
// from beyond the rows.
func TestBox(t *testing.T) {
	both(t, func(t *testing.T) {
		if !Wide() {
			return // there is no Box
		}
		for columns := 1; columns <= 40; columns++ {
			for _, from := range []int{columns - 1, columns, columns + 1, columns + 2} {
				for kind := range 16 {
					before, tangent, was := kind&1 > 0, kind&2 > 0, kind&4 > 0
					if from > 0 {
						testBox(t, columns, from, before, tangent, was, kind&8 > 0)
					}
				}
			}
		}
	})
}

func testBox(t *testing.T, columns, fromColumns int, before, tangent, was, duals bool) {
	const fromRows, rows, stride = 3, 4, 50
	table := []int32{fromRows, 0, 1, 0, 1, 2, 1, 2, fromRows, fromRows, 2, 0}
	_, s := padded(1, fromRows*fromColumns)
	_, tangents := padded(2, fromRows*fromColumns)
	for i := range s {
		s[i] = 2 + s[i]/4
	}
	all, s2 := padded(3, rows*columns)
	allT, t2 := padded(4, rows*columns)
	guard, guardT := slices.Clone(all), slices.Clone(allT)
	x, y := make([]float32, rows*stride), make([]float32, rows*stride*Together)
	for i := range y {
		x[i/Together], y[i] = 20+float32(i%7), 21+float32(i%11)
	}
	end := (rows-1)*stride + columns
	x, y = x[:end], y[:end*Together]
	b := Box{FromRows: fromRows, FromColumns: fromColumns, Rows: rows, Columns: columns,
		Before: before, Table: table, Scale: 0.9, Shift: 0.3, Own: 1, Stride: stride,
		Zeros: make([]float32, (columns+BoxRoom)*Together)}
	a := NewArcCosine(1, -0.2)
	if duals {
		b.Duals = a
	}
	in, out := tangents, t2
	if !was {
		in = nil
	}
	if !tangent {
		out = nil
	}
	b.Apply(s2, out, s, in, x, y)

	// the same by other loops, with a place of zeros after each row
	around := make([]int32, 3*columns)
	for i := range around {
		p := i/3 + i%3 - 1
		if before {
			p++
		}
		if p < 0 || p >= fromColumns {
			p = fromColumns
		}
		around[i] = int32(p)
	}
	row := func(x []float32, r int32) []float32 {
		if int(r) == fromRows {
			return make([]float32, fromColumns*Together)
		}
		return x[int(r)*fromColumns*Together:][:fromColumns*Together]
	}
	name := fmt.Sprintf("%d columns of %d, %v %v %v %v", columns, fromColumns, before, tangent,
		was, duals)
	for r := range rows {
		want, wantT := make([]float32, columns*Together), make([]float32, columns*Together)
		sums := make([]float32, (fromColumns+1)*Together)
		of := table[3*r:]
		AddRows(sums[:fromColumns*Together], row(s, of[0]), row(s, of[1]), row(s, of[2]))
		AddColumns(want, sums, around, 3, b.Scale, b.Shift, nil)
		copy(wantT, want)
		if was {
			AddRows(sums[:fromColumns*Together], row(tangents, of[0]), row(tangents, of[1]),
				row(tangents, of[2]))
			AddColumns(wantT, sums, around, 3, b.Scale, 0, want)
		}
		if duals {
			a.Apply(want, wantT, x[r*stride:][:columns], y[r*stride*Together:])
		}
		if got := s2[r*columns*Together:][:len(want)]; !slices.Equal(got, want) {
			t.Fatalf("%s, row %d: %v, want %v", name, r, got, want)
		}
		if got := t2[r*columns*Together:][:len(want)]; tangent && !slices.Equal(got, wantT) {
			t.Fatalf("%s, row %d of tangents: %v, want %v", name, r, got, wantT)
		}
	}
	if !tangent && !slices.Equal(allT, guardT) {
		t.Errorf("%s: tangents that are not asked for are set", name)
	}
	for _, x := range [][2][]float32{{all, guard}, {allT, guardT}} {
		end := (1 + rows*columns + BoxRoom) * Together
		if !slices.Equal(x[0][:Together], x[1][:Together]) ||
			!slices.Equal(x[0][end:], x[1][end:]) {
			t.Errorf("%s: numbers outside of the room are set", name)
		}
	}
}

// A row that the table has beyond the last is a mistake of the caller, not memory of others.
func TestBoxOfNoRow(t *testing.T) {
	for _, bad := range []int32{-1, 2} {
		func() {
			defer func() {
				if r := recover(); r != noRow {
					t.Errorf("row %d of 1: %v, want a panic with %q", bad, r, noRow)
				}
			}()
			_, s := padded(1, 1)
			_, s2 := padded(2, 1)
			b := Box{FromRows: 1, FromColumns: 1, Rows: 1, Columns: 1, Table: []int32{1, 0, bad},
				Zeros: make([]float32, (1+BoxRoom)*Together)}
			b.Apply(s2, nil, s, nil, nil, nil)
		}()
	}
}

// The duals where rounding is worst, at all numbers of places: equal and opposite inputs are exact,
// and others within rounding, whatever the variances are.
func TestArcCosineAtTheEnds(t *testing.T) {
	both(t, func(t *testing.T) {
		type dual struct{ x, k, y float32 }
		var duals []dual
		for _, q := range []float32{1, 0.7, 1.9999999, 3, 1e-15, 1e15, 1e-18, 3e18} {
			for _, sign := range []float32{1, -1} {
				below, above := math.Nextafter32(q, -inf), math.Nextafter32(q, inf)
				duals = append(duals, dual{q, sign * q, q}, dual{q, sign * below, q},
					dual{q, sign * above, q}, dual{q, sign * q, above},
					dual{q, sign * q * (1 - 0x1p-20), q}, dual{q, sign * q * (1 - 0x1p-12), q},
					dual{q, sign * q / 2, q}, dual{q, sign * q * 1e-7, q}, dual{q, 0, q},
					dual{1e15, sign * q / 1e5, 1e15}, dual{0, 0, q}, dual{q, 0, 0})
			}
		}
		for _, sign := range []float32{1, -1} {
			duals = append(duals, dual{}, dual{1e30, sign, 1e-30}, dual{1e30, sign / 3, 1e-30},
				dual{1e-30, sign * 1e-30, 1e-30}, dual{1e-22, sign * 1e-22, 1e-22},
				dual{1e-30, sign * 1e-15, 1}, dual{1, sign * 4e-16, 1e-30})
		}
		for _, phi := range [][2]float64{{1, 0}, {1, -1}, {-0.5, 2}} {
			a := NewArcCosine(phi[0], phi[1])
			alpha := (phi[0]*phi[0] + phi[1]*phi[1]) / 2
			beta := (phi[0] - phi[1]) * (phi[0] - phi[1]) / (2 * math.Pi)
			for n := 1; n <= 40; n++ {
				x, y := make([]float32, n), make([]float32, n*Together)
				k, slopes := make([]float32, n*Together+1), make([]float32, n*Together+1)
				for begin := range duals {
					for i := range y {
						// a place has one x: others are had at other begins
						d := duals[(begin+i/Together)%len(duals)]
						x[i/Together], y[i], k[i], slopes[i] = d.x, d.y, d.k, 3
					}
					k[len(y)], slopes[len(y)] = 7, 7
					a.Apply(k[:len(y)], slopes[:len(y)], x, y)
					for i, q2 := range y {
						d := duals[(begin+i/Together)%len(duals)]
						q, k0 := float64(d.x), float64(d.k)
						s := math.Sqrt(q * float64(q2))
						theta := math.Atan2(math.Sqrt(max(0, s-math.Abs(k0))*(s+math.Abs(k0))), k0)
						sine := math.Sin(theta)
						value := alpha*k0 + beta*(s*sine-theta*k0)
						slope := alpha - beta*theta
						slack := 4e-7 * (1 + 1/math.Max(sine, 1e-3))
						if math.Abs(float64(k[i])-value) > 3e-7*(alpha+beta*math.Pi)*s ||
							math.Abs(float64(slopes[i])/3-slope) > slack*(alpha+beta*math.Pi) {
							t.Fatalf("%v: (%v, %v) at %v, want (%v, %v)", phi, k[i], slopes[i]/3,
								d, value, slope)
						}
						if d.x == q2 && d.k == d.x &&
							(k[i] != float32(alpha)*d.k || slopes[i] != 3*float32(alpha)) {
							t.Fatalf("%v: (%v, %v) at equal inputs of %v", phi, k[i], slopes[i]/3,
								q)
						}
					}
					if k[len(y)] != 7 || slopes[len(y)] != 7 {
						t.Fatalf("%d places: the number behind was set", n)
					}
				}
			}
		}
	})
}

// The least time of a place of an image of 21 by 21, with the copies of it that caches hold.
func BenchmarkBox(b *testing.B) {
	const side = 21
	_, s := padded(1, side*side)
	_, t := padded(2, side*side)
	_, s2 := padded(3, side*side)
	_, t2 := padded(4, side*side)
	x, y := make([]float32, side*side), make([]float32, side*side*Together)
	for i := range y {
		x[i/Together], y[i] = 9, 9
	}
	var table []int32
	for r := range int32(side) {
		table = append(table, (r+side)%(side+1), r, r+1)
	}
	box := Box{FromRows: side, FromColumns: side, Rows: side, Columns: side, Table: table,
		Scale: 0.1, Own: 1, Duals: NewArcCosine(1, 0), Stride: side,
		Zeros: make([]float32, (side+BoxRoom)*Together)}
	least := math.Inf(1)
	for b.Loop() {
		start := time.Now()
		box.Apply(s2, t2, s, t, x, y)
		least = math.Min(least, float64(time.Since(start).Nanoseconds()))
	}
	b.ReportMetric(least/(side*side), "ns/place")
}
