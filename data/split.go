package data

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Split names the rows (0-based) to train on and those to test on. It need not
// use every row.
type Split struct {
	Train, Test []int
}

// Validate checks the split against data of n rows: both parts have rows,
// every index is in [0, n), and no row is named twice, in one part or in both.
func (s Split) Validate(n int) error {
	if err := s.check(n); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	return nil
}

// check is Validate for callers that name the dataset in the message.
func (s Split) check(n int) error {
	if len(s.Train) == 0 || len(s.Test) == 0 {
		return fmt.Errorf("split of %d training and %d test rows; both parts need rows",
			len(s.Train), len(s.Test))
	}
	const train, test = 1, 2
	seen := make([]byte, n)
	for _, part := range []struct {
		name string
		mark byte
		idx  []int
	}{{"training", train, s.Train}, {"test", test, s.Test}} {
		for k, i := range part.idx {
			switch {
			case i < 0 || i >= n:
				return fmt.Errorf("%s index %d at position %d is outside [0, %d)", part.name, i, k,
					n)
			case seen[i] == part.mark:
				return fmt.Errorf("%s index %d at position %d is repeated", part.name, i, k)
			case seen[i] == train:
				return fmt.Errorf("row %d is in the training part and in the test part", i)
			}
			seen[i] = part.mark
		}
	}
	return nil
}

// HalfSplit divides the rows into a training half and a test half that hold
// each class in its proportion; of an odd number of rows the training half has
// one more. It is StratifiedSplit with a fraction of one half.
func (ds *Dataset) HalfSplit(seed uint64) (Split, error) {
	return ds.StratifiedSplit(0.5, seed)
}

// StratifiedSplit puts round(trainFraction·n) rows into the training part and
// the others into the test part, at random within each class, so that each
// class is divided in the same proportion up to one row. The indices of each
// part ascend. The same labels, fraction and seed give the same split on every
// platform. It returns an error unless 0 < trainFraction < 1 and both parts
// have rows.
func (ds *Dataset) StratifiedSplit(trainFraction float64, seed uint64) (Split, error) {
	n := len(ds.Labels)
	if !(trainFraction > 0 && trainFraction < 1) {
		return Split{}, fmt.Errorf(
			"data: %s: training fraction %v; it must lie strictly between 0 and 1", ds.Name,
			trainFraction)
	}
	want := int(math.Round(trainFraction * float64(n)))
	if want == 0 || want == n {
		return Split{}, fmt.Errorf(
			"data: %s: training fraction %v of %d rows leaves a part without rows", ds.Name,
			trainFraction, n)
	}
	if err := checkLabels(ds.Name, ds.Labels, ds.Classes); err != nil {
		return Split{}, err
	}
	rows := make([][]int, ds.Classes)
	for i, l := range ds.Labels {
		rows[l] = append(rows[l], i)
	}

	// Largest remainders: whole parts first, then one more to the classes that
	// lost most by rounding down, the lower class first among equals.
	take := make([]int, ds.Classes)
	rest := make([]float64, ds.Classes)
	order := make([]int, ds.Classes)
	left := want
	for c := range rows {
		share := trainFraction * float64(len(rows[c]))
		take[c] = int(math.Floor(share))
		rest[c] = share - math.Floor(share)
		order[c] = c
		left -= take[c]
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case rest[a] > rest[b]:
			return -1
		case rest[a] < rest[b]:
			return 1
		}
		return 0
	})
	for _, c := range order {
		if left > 0 && take[c] < len(rows[c]) {
			take[c]++
			left--
		}
	}

	src := rand.NewPCG(seed, 0)
	var s Split
	for c, r := range rows {
		shuffle(src, r)
		s.Train = append(s.Train, r[:take[c]]...)
		s.Test = append(s.Test, r[take[c]:]...)
	}
	slices.Sort(s.Train)
	slices.Sort(s.Test)
	return s, nil
}

// shuffle is Fisher-Yates on the bare output of the source, whose algorithm is
// fixed, while rand.Shuffle may change between Go releases.
func shuffle(src *rand.PCG, idx []int) {
	for i := len(idx) - 1; i > 0; i-- {
		hi, _ := bits.Mul64(src.Uint64(), uint64(i+1))
		j := int(hi)
		idx[i], idx[j] = idx[j], idx[i]
	}
}
