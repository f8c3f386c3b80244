package data

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// withNear is a set of n random rows, about a mean or not, of which some are moved by little from
// others, with the split that has every third row in its test part.
func withNear(t *testing.T, n, d int, mean, size float64) (*Dataset, Split) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(n), uint64(d)))
	x := mat.NewDense(n, d, nil)
	for i := range n {
		for j := range d {
			x.Set(i, j, size*(mean+r.NormFloat64()))
		}
	}
	for k, by := range []float64{0, 1e-6, 3e-4, 9e-4, 2e-3, 1e-2, 0.1, 0.25} {
		from, to := 2*k, n-1-3*k // pairs within a part and across
		row := slices.Clone(x.RawRowView(from))
		for j := range row {
			row[j] += by * size * math.Hypot(mean, 1) * r.NormFloat64()
		}
		x.SetRow(to, row)
	}
	x.SetRow(n/2, make([]float64, d))
	var s Split
	for i := range n {
		if i%3 == 0 {
			s.Test = append(s.Test, i)
		} else {
			s.Train = append(s.Train, i)
		}
	}
	ds, err := New("near", x, make([]int, n), 2)
	if err != nil {
		t.Fatal(err)
	}
	return ds, s
}

// allPairs looks at every pair.
func allPairs(ds *Dataset, tolerance float64) (pairs []NearPair) {
	n, d := ds.Dims()
	x, y := make([]float64, d), make([]float64, d)
	for i := range n {
		for j := i + 1; j < n; j++ {
			ds.Row(i, x)
			ds.Row(j, y)
			size := max(norm(x), norm(y))
			for c := range y {
				y[c] -= x[c]
			}
			if v := norm(y) / size; v > 0 && v <= tolerance {
				pairs = append(pairs, NearPair{i, j, v})
			}
		}
	}
	slices.SortFunc(pairs, func(p, q NearPair) int { return cmp.Compare(p.Distance, q.Distance) })
	return pairs
}

// No pair is missed and none is too many, however long rows are and wherever they lie, in all
// three forms that rows are kept in.
func TestNearDuplicates(t *testing.T) {
	for _, c := range []struct {
		n, d       int
		mean, size float64
	}{
		{140, 40, 0, 1}, {140, 40, 3, 1}, {100, 3, 1, 1}, {100, 1, 0, 1}, {130, 200, 1, 1e150},
		{130, 30, 1, 1e-150}, {100, 600, 1, 100},
	} {
		exact, split := withNear(t, c.n, c.d, c.mean, c.size)
		forms := map[string]*Dataset{"double": exact}
		if c.size == 1 || c.size == 100 {
			single, bytes := *exact, *exact
			single.X, bytes.X = nil, nil
			for _, v := range exact.X.RawMatrix().Data {
				single.X32 = append(single.X32, float32(v))
				bytes.Bytes = append(bytes.Bytes, byte(min(255, max(0, 128+v/c.size*20))))
			}
			forms["single"], forms["bytes"] = &single, &bytes
		}
		for name, ds := range forms {
			for _, tolerance := range []float64{1e-3, 0.05, 0.4} {
				got, err := ds.NearDuplicates(split, tolerance)
				if err != nil {
					t.Fatal(err)
				}
				want := allPairs(ds, tolerance)
				same := map[[2]int]float64{}
				for _, p := range got {
					same[[2]int{p.First, p.Second}] = p.Distance
				}
				a, err := ds.Audit(split, nil)
				if err != nil {
					t.Fatal(err)
				}
				again := 0 // pairs with a row that another stands for
				for _, p := range want {
					if slices.ContainsFunc(a.Duplicates, func(g []int) bool {
						return slices.Contains(g[1:], p.First) || slices.Contains(g[1:], p.Second)
					}) {
						again++
						continue
					}
					v, ok := same[[2]int{p.First, p.Second}]
					if !ok || math.Abs(v-p.Distance) > 1e-12*v {
						t.Errorf("%v %s: rows %d and %d are %v apart, found %v: %v", c, name,
							p.First, p.Second, p.Distance, v, ok)
					}
				}
				if len(got) != len(want)-again {
					t.Errorf("%v %s at %v: %d pairs, want %d", c, name, tolerance, len(got),
						len(want)-again)
				}
				if !slices.IsSortedFunc(got, func(p, q NearPair) int {
					return cmp.Compare(p.Distance, q.Distance)
				}) {
					t.Errorf("%v %s: the nearest are not first", c, name)
				}
			}
		}
	}
}

// An audit counts rows in each part that are near to rows of it or of the other, with all that are
// equal to one that is.
func TestAuditCountsNearRows(t *testing.T) {
	ds, err := New("near", mat.NewDense(9, 2, []float64{
		1, 0,
		1, 0.0001, // near to row 0, and to its equals
		1, 0,
		0, 1,
		0.0001, 1, // near to row 3
		-1, 0,
		0, -1,
		-1, 0.1, // not so near to row 5
		1, 0,
	}), make([]int, 9), 2)
	if err != nil {
		t.Fatal(err)
	}
	a, err := ds.Audit(Split{Train: []int{0, 1, 2, 3, 5}, Test: []int{4, 6, 7, 8}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Near) != 2 || a.NearMore || a.NearTolerance != 1e-3 ||
		a.Near[0].First != 0 || a.Near[0].Second != 1 || a.Near[1].First != 3 ||
		a.Near[1].Second != 4 || math.Abs(a.Near[0].Distance-1e-4) > 1e-11 {
		t.Errorf("near rows %+v", a)
	}
	// In training rows 0, 1 and 2; row 1 is near to row 8, which is equal to row 0, and row 3 to
	// row 4.
	if a.Train.Near != 3 || a.Train.NearShared != 2 || a.Test.Near != 0 || a.Test.NearShared != 2 {
		t.Errorf("counts %+v and %+v", a.Train, a.Test)
	}
}

func TestNearDuplicatesErrors(t *testing.T) {
	ds, split := withNear(t, 60, 4, 0, 1)
	for _, tolerance := range []float64{0, -1, 1, math.NaN(), math.Inf(1)} {
		if _, err := ds.NearDuplicates(split, tolerance); err == nil ||
			!strings.Contains(err.Error(), fmt.Sprint("nearly equal rows is ", tolerance)) {
			t.Errorf("tolerance %v: %v", tolerance, err)
		}
	}
	if _, err := ds.NearDuplicates(Split{}, 0.1); err == nil {
		t.Error("no error of a split without rows")
	}
	set := func(f func(i, j int) float64) *Dataset {
		x := mat.NewDense(200, 3, nil)
		x.Apply(func(i, j int, _ float64) float64 { return f(i, j) }, x)
		ds, err := New("many", x, make([]int, 200), 2)
		if err != nil {
			t.Fatal(err)
		}
		return ds
	}
	half := Split{Train: indexRange(0, 100), Test: indexRange(100, 200)}
	// 200 rows that are all near to each other are 19,900 pairs.
	many := set(func(i, j int) float64 { return 1 + 1e-8*float64(i)*float64(j) })
	pairs, err := many.NearDuplicates(half, 0.1)
	if err == nil || !strings.Contains(err.Error(), "smaller tolerance") || len(pairs) != mostNear {
		t.Errorf("%d pairs of 19900, %v", len(pairs), err)
	}
	a, err := many.Audit(half, nil)
	if err != nil || !a.NearMore || len(a.Near) != mostNear {
		t.Errorf("%v, with %d near pairs", err, len(a.Near))
	}
	// Equal rows are none, however many.
	twos := set(func(_, _ int) float64 { return 2 })
	if a, err = twos.Audit(half, nil); err != nil || len(a.Near) != 0 || len(a.Duplicates) != 1 {
		t.Errorf("%v, %d near pairs of equal rows", err, len(a.Near))
	}
	zeros := set(func(_, _ int) float64 { return 0 })
	if pairs, err = zeros.NearDuplicates(half, 0.1); err != nil || len(pairs) != 0 {
		t.Errorf("%d pairs of zeros, %v", len(pairs), err)
	}
	large := set(func(i, _ int) float64 { return 1.7e308 / float64(1+i) })
	if _, err = large.NearDuplicates(half, 0.1); err == nil ||
		!strings.Contains(err.Error(), "beyond the range") {
		t.Errorf("of rows that are too large: %v", err)
	}
}
