package data

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/floats"
)

// NearPair is two rows that are nearly equal.
type NearPair struct {
	First, Second int     // rows of the Dataset, from 0, the lower first
	Distance      float64 // ‖x - y‖ over the larger of ‖x‖ and ‖y‖, > 0
}

// mostNear is how many pairs of nearly equal rows are kept.
const mostNear = 10000

// NearDuplicates returns the pairs of rows of a split, in one part or in both, whose distance is at
// most tolerance times the larger of their norms, 0 < tolerance < 1: images that differ by some
// noise, or measurements that were rounded. The nearest come first. Rows that are equal are none of
// them ([Dataset.Audit] has these as Duplicates); the first of several equal rows stands for all.
//
// The rows are compared as they are given. All pairs within the tolerance are found: what passes
// over most of the others is that no projection of a difference is longer than it. 20,000 images
// of 3072 numbers take 0.7 s of a processor at a tolerance of 0.001 and 1.7 s at 0.1; 70,000 of 784
// take 0.7 s, and 10 to 20 s at 0.1. Memory: about sixty numbers for each row.
//
// It returns an error when ds, split or tolerance is invalid, when a norm leaves the range of
// float64, and, with the first 10,000 pairs, where there are more.
func (ds *Dataset) NearDuplicates(split Split, tolerance float64) ([]NearPair, error) {
	if err := ds.Validate(); err != nil {
		return nil, err
	}
	n, d := ds.Dims()
	if err := split.check(n); err != nil {
		return nil, fmt.Errorf("data: %s: %w", ds.Name, err)
	}
	if !(tolerance > 0 && tolerance < 1) {
		return nil, fmt.Errorf("data: the tolerance for nearly equal rows is %v; it is relative "+
			"to their norm and must be > 0 and < 1", tolerance)
	}
	rows := slices.Concat(split.Train, split.Test)
	a := &Audit{Features: d}
	a.look(ds, rows, len(split.Train))
	pairs, more, err := ds.nearPairs(a.distinct(rows), tolerance)
	if err == nil && more {
		err = fmt.Errorf("data: %s: more than %d pairs of rows are within %v of their norm; give "+
			"a smaller tolerance", ds.Name, mostNear, tolerance)
	}
	return pairs, err
}

// distinct returns rows but for those that are equal to an earlier one of their group.
func (a *Audit) distinct(rows []int) []int {
	again := map[int]bool{}
	for _, group := range a.Duplicates {
		for _, i := range group[1:] {
			again[i] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(rows), func(i int) bool { return again[i] })
}

// countNear sets what a and its parts say of nearly equal rows.
func (a *Audit) countNear(split Split) {
	const train, test = 1, 2
	part := map[int]int{}
	for _, i := range split.Train {
		part[i] = train
	}
	for _, i := range split.Test {
		part[i] = test
	}
	groups := map[int][]int{}
	for _, g := range a.Duplicates {
		groups[g[0]] = g
	}
	equal := func(i int) []int {
		if g := groups[i]; g != nil {
			return g
		}
		return []int{i}
	}
	beside := map[int]int{} // the parts of the rows that a row is near
	for _, p := range a.Near {
		for _, i := range equal(p.First) {
			for _, j := range equal(p.Second) {
				beside[i] |= part[j]
				beside[j] |= part[i]
			}
		}
	}
	for i, of := range beside {
		own := &a.Train
		if part[i] == test {
			own = &a.Test
		}
		if of&part[i] != 0 {
			own.Near++
		}
		if of&^part[i] != 0 {
			own.NearShared++
		}
	}
}

// nearPairs returns the pairs of some different rows within a tolerance of their norm, and whether
// there are more than it returns.
func (ds *Dataset) nearPairs(
	rows []int, tolerance float64,
) (pairs []NearPair, more bool, err error) {
	s, err := ds.newNearSearch(rows, tolerance)
	if err != nil || s == nil {
		return nil, false, err
	}
	// Strips of rows are looked at in rounds and taken in turn, so that what is left out when there
	// are too many does not depend on the processors.
	const strip, round = 32, 64
	n := len(s.rows)
	for from := 0; from < n && len(pairs) <= mostNear; from += strip * round {
		var found [round][]NearPair
		inParallel(round, func(k int) {
			begin := min(n, from+k*strip)
			found[k] = s.strip(begin, min(n, begin+strip))
		})
		for _, f := range found {
			pairs = append(pairs, f...)
		}
	}
	more = len(pairs) > mostNear
	pairs = pairs[:min(len(pairs), mostNear)]
	slices.SortFunc(pairs, func(p, q NearPair) int {
		return cmp.Or(cmp.Compare(p.Distance, q.Distance), p.First-q.First, p.Second-q.Second)
	})
	return pairs, more, nil
}

// nearSearch has rows in the order of their first coordinate. Coordinates are those along some
// orthonormal directions and the norm of what is left, all over the largest norm: no two rows are
// nearer than theirs.
type nearSearch struct {
	ds        *Dataset
	tolerance float64
	scale     float64 // the largest norm
	rows      []int
	norms     []float64 // over scale
	width     int
	places    []float64 // rows × width
}

// directions is how many there are at most.
const directions = 24

// newNearSearch returns nil if there is nothing to look for.
func (ds *Dataset) newNearSearch(rows []int, tolerance float64) (*nearSearch, error) {
	_, d := ds.Dims()
	n := len(rows)
	norms := make([]float64, n)
	inStrips(n, func(from, to int) {
		x := make([]float64, d)
		for k := from; k < to; k++ {
			norms[k] = norm(ds.Row(rows[k], x))
		}
	})
	scale := slices.Max(norms)
	if math.IsInf(scale, 0) {
		return nil, fmt.Errorf("data: %s: the norm of row %d is beyond the range of float64; "+
			"rescale the features", ds.Name, rows[slices.Index(norms, scale)])
	}
	if n < 2 || scale == 0 {
		return nil, nil
	}
	for k := range norms {
		norms[k] /= scale
	}
	basis := ds.basis(rows, scale)
	width := len(basis) + 1
	places := make([]float64, n*width)
	inStrips(n, func(from, to int) {
		x := make([]float64, d)
		for k := from; k < to; k++ {
			ds.scaled(rows[k], scale, x)
			at := places[k*width : (k+1)*width]
			rest := norms[k] * norms[k]
			for j, b := range basis {
				at[j] = floats.Dot(b, x)
				rest -= at[j] * at[j]
			}
			at[width-1] = math.Sqrt(max(0, rest))
		}
	})
	s := &nearSearch{ds: ds, tolerance: tolerance, scale: scale, width: width,
		rows: make([]int, n), norms: make([]float64, n), places: make([]float64, n*width)}
	columns := spread(places, width)
	order := indexRange(0, n)
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(places[a*width+columns[0]], places[b*width+columns[0]]), a-b)
	})
	for k, from := range order {
		s.rows[k], s.norms[k] = rows[from], norms[from]
		for j, c := range columns {
			s.places[k*width+j] = places[from*width+c]
		}
	}
	return s, nil
}

// scaled sets x to a row over scale.
func (ds *Dataset) scaled(row int, scale float64, x []float64) {
	ds.Row(row, x)
	for j := range x {
		x[j] /= scale
	}
}

// basis returns orthonormal directions in the span of some rows, in which those of the same kind
// differ most.
func (ds *Dataset) basis(rows []int, scale float64) (basis [][]float64) {
	_, d := ds.Dims()
	most := min(directions, d)
	tries := min(len(rows), 4*directions)
	for k := 0; k < tries && len(basis) < most; k++ {
		x := make([]float64, d)
		ds.scaled(rows[k*len(rows)/tries], scale, x)
		before := norm(x)
		for range 2 { // the second time what rounding has left
			for _, b := range basis {
				floats.AddScaled(x, -floats.Dot(b, x), b)
			}
		}
		if left := norm(x); left > 1e-6*before {
			floats.Scale(1/left, x)
			basis = append(basis, x)
		}
	}
	return basis
}

// spread returns the columns, those first in which rows differ most. The last, a norm whose
// rounding is larger, stays the last.
func spread(places []float64, width int) []int {
	variance := make([]float64, width-1)
	n := float64(len(places) / width)
	for j := range variance {
		var mean, square float64
		for k := j; k < len(places); k += width {
			mean += places[k] / n
		}
		for k := j; k < len(places); k += width {
			square += (places[k] - mean) * (places[k] - mean)
		}
		variance[j] = square
	}
	columns := indexRange(0, width-1)
	slices.SortFunc(columns, func(a, b int) int {
		return cmp.Or(cmp.Compare(variance[b], variance[a]), a-b)
	})
	return append(columns, width-1)
}

// strip returns the pairs of rows from … to-1 with those behind them, up to one more than are
// kept.
func (s *nearSearch) strip(from, to int) (pairs []NearPair) {
	const slack, slackOfNorm = 1e-12, 1e-6
	_, d := s.ds.Dims()
	x, y := make([]float64, d), make([]float64, d)
	last := s.width - 1
	for i := from; i < to; i++ {
		own, read := s.places[i*s.width:(i+1)*s.width], false
		for j := i + 1; j < len(s.rows); j++ {
			other := s.places[j*s.width : (j+1)*s.width]
			if other[0]-own[0] > s.tolerance+slack {
				break // no norm is above 1
			}
			size := max(s.norms[i], s.norms[j])
			bound := s.tolerance*size + slack
			bound *= bound
			var sum float64
			for c := 0; c < last && sum <= bound; c++ {
				sum += (own[c] - other[c]) * (own[c] - other[c])
			}
			if sum > bound {
				continue
			}
			if left := math.Abs(own[last]-other[last]) - slackOfNorm; left > 0 &&
				sum+left*left > bound {
				continue
			}
			if !read {
				s.ds.Row(s.rows[i], x)
				read = true
			}
			distance, near := s.distance(x, s.ds.Row(s.rows[j], y), size, bound)
			if !near {
				continue
			}
			a, b := s.rows[i], s.rows[j]
			pairs = append(pairs, NearPair{min(a, b), max(a, b), distance})
			if len(pairs) > mostNear {
				return pairs
			}
		}
	}
	return pairs
}

// distance is that of two rows over the larger norm, and whether it is within the tolerance; y is
// overwritten. bound is somewhat above the square that is allowed, in units of scale.
func (s *nearSearch) distance(x, y []float64, size, bound float64) (distance float64, near bool) {
	const part = 64
	var sum float64
	for from := 0; from < len(x); from += part {
		for j := from; j < min(len(x), from+part); j++ {
			y[j] = x[j] - y[j]
			v := y[j] / s.scale
			sum += v * v
		}
		if sum > 2*bound {
			return 0, false
		}
	}
	distance = norm(y) / s.scale / size
	return distance, distance <= s.tolerance && distance > 0
}

// inStrips calls f for parts of 0 … n-1 on all processors.
func inStrips(n int, f func(from, to int)) {
	const size = 64
	inParallel((n+size-1)/size, func(k int) { f(k*size, min(n, (k+1)*size)) })
}

// inParallel calls f for 0 … n-1 on all processors.
func inParallel(n int, f func(k int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Add(1)
		go func() {
			defer all.Done()
			for k := int(next.Add(1)) - 1; k < n; k = int(next.Add(1)) - 1 {
				f(k)
			}
		}()
	}
	all.Wait()
}
