package regress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/tiled"
	"gonum.org/v1/gonum/floats"
)

// Diagnosis is what a solution is going to meet. Of more than 2,048 points the eigenvalues are
// estimates from some of them: there may be more digits lost, hardly fewer.
type Diagnosis struct {
	Points int
	Sample int // points whose eigenvalues were computed
	// Rank is the number of their eigenvalues that rounding does not explain. FiniteRank says
	// that more points have no more: the kernel is that of a polynomial φ, or the inputs are few
	// and repeated, and without a ridge the matrix is singular.
	Rank           int
	FiniteRank     bool
	Least, Largest float64 // eigenvalues of K
	Ridge          float64 // δ, in absolute terms
	Condition      float64 // of K + δ, Largest + δ over Least + δ; may be +Inf
	DigitsLost     float64 // of 16, log₁₀ of Condition
	// SafeRidge is the least δ with which double precision has a factor, and a residual of the
	// tolerance, in absolute terms: 0 if none is needed.
	SafeRidge float64
	Method    string        // what Solve would take
	Memory    int64         // bytes, beside the inputs
	Time      time.Duration // on this machine
}

// String is a few lines of text.
func (d *Diagnosis) String() string {
	rank := fmt.Sprintf("rank %d of %d points", d.Rank, d.Sample)
	if d.FiniteRank {
		rank = fmt.Sprintf("finite rank %d", d.Rank)
	}
	safe := fmt.Sprintf("ridges from %.2g on are safe", d.SafeRidge)
	if d.Largest == 0 {
		safe = "any ridge > 0 is safe"
	}
	return fmt.Sprintf("%d points: %s, eigenvalues from %.3g to %.3g\n"+
		"with ridge %.3g: condition number %.2g, %.0f digits lost, %s\n"+
		"%q takes %.3g GB and about %v", d.Points, rank, d.Least, d.Largest, d.Ridge, d.Condition,
		d.DigitsLost, safe, d.Method, float64(d.Memory)/1e9, d.Time.Round(time.Second/10))
}

// closestSize is how many points are looked at that have another nearest to them.
const closestSize = 1024

// Diagnose says what [Solve] with the same settings would meet and take, and [NewRidge] too: in
// particular the digits that are lost and a ridge that saves them. A matrix with a truly negative
// eigenvalue is an [*IndefiniteError], and other input that Solve does not take an error as there.
//
// Of up to 2,048 points it computes all eigenvalues. Of more it reads all tiles once, for the
// points that are nearest to each other, and computes the eigenvalues among 1,024 of those,
// which bound the least, and of 1,024 points spread evenly.
func Diagnose[T float32 | float64](
	ctx context.Context, train ntk.Tiles[T], outputs int, s *SolveSettings,
) (*Diagnosis, error) {
	if isEmpty(train) {
		return nil, errors.New("regress: a Gram matrix with entries is needed")
	}
	if outputs < 1 {
		return nil, fmt.Errorf("regress: %d outputs; there must be one at least", outputs)
	}
	n, err := checkSquare(train)
	if err != nil {
		return nil, err
	}
	if s, err = s.checked(); err != nil {
		return nil, err
	}
	t := gramOf(train)
	d := &Diagnosis{Points: n}
	if d.Ridge, err = ridgeOf(ctx, t, s); err != nil {
		return nil, err
	}
	sample, err := sampleOf(ctx, train)
	if err != nil {
		return nil, err
	}
	values, err := d.spectrum(sample)
	if err == nil && d.Sample < n {
		err = beyondSample(ctx, t, d, values)
	}
	if err != nil {
		return nil, err
	}
	if lowest := d.Least + d.Ridge; lowest > 0 {
		d.Condition = (d.Largest + d.Ridge) / lowest
	} else {
		d.Condition = math.Inf(1)
	}
	d.DigitsLost = math.Min(16, math.Max(0, math.Log10(d.Condition)))
	needed := d.Largest * 0x1p-52 * math.Max(32*float64(n), 16/s.Tolerance)
	d.SafeRidge = math.Max(0, needed-d.Least)
	if err := costs(ctx, t, d, outputs, s); err != nil {
		return nil, err
	}
	return d, nil
}

// spectrum estimates the eigenvalues of K.
func (d *Diagnosis) spectrum(sample []float64) (values []float64, err error) {
	d.Sample = int(math.Sqrt(float64(len(sample))))
	half := everyOther(sample, d.Sample)
	if values, err = eigenvalues(sample); err != nil {
		return nil, err
	}
	s := newSpectrum(values, d.Points)
	if s.indefinite() {
		return nil, &IndefiniteError{s.least, s.largest}
	}
	d.Rank, d.Least, d.Largest = s.rank, math.Max(0, s.least), s.largest
	halfValues, err := eigenvalues(half)
	if err != nil {
		return nil, err
	}
	// The eigenvalues of a smooth kernel fall gradually to rounding, those of finite rank at once.
	gone := d.Sample - d.Rank
	d.FiniteRank = gone > 0 && d.Rank > 0 && newSpectrum(halfValues, d.Points).rank == d.Rank &&
		values[gone] > 1e3*math.Max(values[gone-1], 0x1p-52*s.largest)
	return values, nil
}

// everyOther returns the part of an m×m matrix with every other run of picked points.
func everyOther(a []float64, m int) []float64 {
	var kept []int
	length := run
	if m < 4*run {
		length = 1
	}
	for i := range m {
		if i/length%2 == 0 {
			kept = append(kept, i)
		}
	}
	out := make([]float64, 0, len(kept)*len(kept))
	for _, i := range kept {
		for _, j := range kept {
			out = append(out, a[i*m+j])
		}
	}
	return out
}

// beyondSample corrects what was found in the sample by a look at all points.
func beyondSample[T accel.Float](
	ctx context.Context, t *source[T], d *Diagnosis, values []float64,
) error {
	n := d.Points
	nearest, mean, err := nearestPairs(ctx, t)
	if err != nil {
		return err
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(nearest[i], nearest[j]), cmp.Compare(i, j))
	})
	closest := order[:closestSize]
	slices.Sort(closest)
	part, _, err := gram(ctx, gramOf[T](picked[T]{t, closest, closest}))
	if err != nil {
		return err
	}
	among, err := eigenvalues(part)
	if err != nil {
		return err
	}
	s := newSpectrum(among, n)
	if s.indefinite() {
		return &IndefiniteError{s.least, s.largest}
	}
	d.Least = math.Max(0, math.Min(d.Least, s.least))
	// A large eigenvalue grows with the points, what all points have by themselves does not.
	own := values[len(values)/2]
	d.Largest = math.Max(mean, own+(d.Largest-own)*float64(n)/float64(d.Sample))
	return nil
}

// nearestPairs reads all tiles: it returns for each point the least eigenvalue of K between it and
// another, and 1ᵀK²1/1ᵀK1, which is no larger than the largest eigenvalue of K, and near it where
// that has a vector of one sign.
func nearestPairs[T accel.Float](
	ctx context.Context, t *source[T],
) (nearest []float64, mean float64, err error) {
	n, _ := t.Dims()
	own, nearest, sums := make([]float64, n), make([]float64, n), make([]float64, n)
	one := make([]T, 1)
	for i := range n {
		if err := t.Tile(ctx, one, i, i+1, i, i+1); err != nil {
			return nil, 0, err
		}
		own[i], nearest[i] = float64(one[0]), math.Inf(1)
	}
	type scratch struct {
		tile          []T
		nearest, sums []float64
	}
	tiles := (n + tiled.Size - 1) / tiled.Size
	err = tiled.InTurn(ctx, tiles, func(task int, s *scratch) error {
		i0, i1 := tiled.Span((tiles-1-task)*tiled.Size, n)
		for i := range i1 {
			s.nearest[i], s.sums[i] = math.Inf(1), 0
		}
		for j := 0; j < i1; j += tiled.Size {
			j0, j1 := tiled.Span(j, n)
			part := s.tile[:(i1-i0)*(j1-j0)]
			if err := t.Tile(ctx, part, i0, i1, j0, j1); err != nil {
				return err
			}
			for i := i0; i < i1; i++ {
				row := part[(i-i0)*(j1-j0) : (i-i0+1)*(j1-j0)]
				for j, v := range row[:min(j1-j0, i+1-j0)] {
					j, k := j+j0, float64(v)
					if k-k != 0 {
						return notFinite(t.name, k, i, j)
					}
					s.sums[i] += k
					if i == j {
						continue
					}
					s.sums[j] += k
					half := (own[i] - own[j]) / 2
					least := (own[i]+own[j])/2 - math.Sqrt(half*half+k*k)
					s.nearest[i] = math.Min(s.nearest[i], least)
					s.nearest[j] = math.Min(s.nearest[j], least)
				}
			}
		}
		return nil
	}, func(task int, s *scratch) {
		for i := range min((tiles-task)*tiled.Size, n) {
			nearest[i] = math.Min(nearest[i], s.nearest[i])
			sums[i] += s.sums[i]
		}
	}, func() *scratch {
		return &scratch{make([]T, tiled.Size*tiled.Size), make([]float64, n), make([]float64, n)}
	})
	return nearest, floats.Dot(sums, sums) / floats.Sum(sums), err
}

// costs says what a solution takes.
func costs[T accel.Float](
	ctx context.Context, t *source[T], d *Diagnosis, outputs int, s *SolveSettings,
) error {
	n := d.Points
	_, isGiven := any(t.Tiles).(*inPlace[T])
	method, landmarks, err := s.method(n, outputs, isGiven, accel.IsSingle[T]())
	if err != nil {
		return err
	}
	m, err := newMeter(func(int, int) {}, func() error { return oneTile(ctx, t) })
	if err != nil {
		return err
	}
	d.Method, d.Memory = method, vectorBytes(n, outputs, processors())
	cube := math.Pow(float64(n), 3) / 3
	work := 4 * m.pass(n) // one for the factor
	switch {
	case method == landmarksMethod:
		d.Memory += nystromBytes(n, landmarks)
		p := &problem{size: n, meter: m, passTime: m.pass(n)}
		work = 30*p.passTime + p.nystromTime(landmarks)
	case method == doubleMethod:
		work += cube * m.double
		d.Memory += lowerBytes(n, 8)
	default:
		work += cube * m.single
		d.Memory += lowerBytes(n, 4)
	}
	if isGiven {
		d.Memory = vectorBytes(n, outputs, processors())
	}
	d.Time = time.Duration(work / float64(processors()) * float64(time.Microsecond))
	return nil
}
