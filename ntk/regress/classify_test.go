package regress_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

func ExampleConfusion() {
	y := mat.NewDense(4, 2, []float64{1, 0, 1, 0, 0, 1, 0, 1})
	f := mat.NewDense(4, 2, []float64{0.9, 0.1, 0.4, 0.5, 0.2, 0.7, 0.1, 1.2})
	table, err := regress.Confusion(f, y)
	fmt.Println("class 0 is taken for", table[0], "and class 1 for", table[1], err)
	// Output: class 0 is taken for [1 1] and class 1 for [0 2] <nil>
}

func ExampleMargins() {
	y := mat.NewDense(2, 3, []float64{1, 0, 0, 0, 0, 1})
	f := mat.NewDense(2, 3, []float64{0.75, 0.5, 0, 0.5, 0, 0.25})
	fmt.Println(regress.Margins(f, y))
	// Output: [0.25 -0.25] <nil>
}

// Two standard deviations between the classes, and none.
func ExampleClassProbabilities() {
	p, err := regress.ClassProbabilities(mat.NewDense(2, 2, []float64{2, 0, 1, 1}),
		[]float64{1, 1})
	fmt.Printf("%.4f %v\n", mat.Formatted(p, mat.Squeeze()), err) // Φ(2/√2)
	// Output:
	// ⎡0.9214  0.0786⎤
	// ⎣0.5000  0.5000⎦ <nil>
}

// The diagonal is what Accuracy counts, and margins are positive there.
func TestConfusionCountsAccuracy(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, o := range []int{1, 2, 5} {
		const n = 200
		f, y := mat.NewDense(n, o, nil), mat.NewDense(n, o, nil)
		for i := range n {
			for j := range o {
				f.Set(i, j, r.NormFloat64())
			}
			if o == 1 {
				y.Set(i, 0, float64(2*r.IntN(2)-1))
			} else {
				y.Set(i, r.IntN(o), 1)
			}
		}
		f.Set(0, 0, 0)
		table, err := regress.Confusion(f, y)
		if err != nil {
			t.Fatal(err)
		}
		right, all := 0, 0
		for i, row := range table {
			for j, v := range row {
				if all += v; i == j {
					right += v
				}
			}
		}
		accuracy, positive := ntk.Must(ntk.Accuracy(f, y)), 0
		for _, v := range ntk.Must(regress.Margins(f, y)) {
			if v > 0 {
				positive++
			}
		}
		if all != n || float64(right)/n != accuracy || positive != right {
			t.Errorf("%d outputs: %d of %d right and %d margins > 0, accuracy %v", o, right, all,
				positive, accuracy)
		}
	}
	same := mat.NewDense(2, 3, []float64{1, 0, 0, 1, 0, 0}) // one class alone
	if table := ntk.Must(regress.Confusion(same, same)); table[0][0] != 2 {
		t.Errorf("one class: %v", table)
	}
}

// Of two classes Φ(difference/√2σ); of three with equal means thirds; of many the frequencies of
// 400,000 draws within 4 standard errors; without variance the largest, or its equals.
func TestClassProbabilities(t *testing.T) {
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	for _, d := range []float64{0, 1e-9, 0.3, 1, 5, 8, 40, 1e200} {
		p := ntk.Must(regress.ClassProbabilities(mat.NewDense(1, 2, []float64{7, 7 + 0.5*d}),
			[]float64{0.25}))
		if want := phi(d / math.Sqrt2); math.Abs(p.At(0, 1)-want) > 2e-14 ||
			math.Abs(p.At(0, 0)-phi(-d/math.Sqrt2)) > 2e-14 {
			t.Errorf("%v apart: %v, want %v", d, p, want)
		}
		p = ntk.Must(regress.ClassProbabilities(mat.NewDense(1, 1, []float64{-d}), []float64{4}))
		if want := phi(-d / 2); math.Abs(p.At(0, 0)-want) > 1e-15 {
			t.Errorf("one output: %v, want %v", p, want)
		}
	}
	p := ntk.Must(regress.ClassProbabilities(mat.NewDense(4, 3, []float64{
		1, 1, 1, 1, 2, 2, 3, 1, 2, -1e308, 1e308, 0}), []float64{2, 0, 0, 1e-300}))
	want := mat.NewDense(4, 3, []float64{1. / 3, 1. / 3, 1. / 3, 0, 0.5, 0.5, 1, 0, 0, 0, 1, 0})
	if !mat.EqualApprox(p, want, 1e-14) {
		t.Errorf("%v, want %v", mat.Formatted(p), mat.Formatted(want))
	}
	for i, want := range []float64{0, 0, 1} {
		p = ntk.Must(regress.ClassProbabilities(mat.NewDense(1, 1, []float64{float64(i - 1)}),
			[]float64{0}))
		if p.At(0, 0) != want {
			t.Errorf("an output %d without variance: %v", i-1, p)
		}
	}
	mean := []float64{0, 0.5, -1, 0.7, -3}
	p = ntk.Must(regress.ClassProbabilities(mat.NewDense(1, 5, mean), []float64{0.81}))
	r, counts := rand.New(rand.NewPCG(5, 6)), make([]float64, 5)
	const draws = 400_000
	for range draws {
		best, top := 0, math.Inf(-1)
		for j, m := range mean {
			if v := m + 0.9*r.NormFloat64(); v > top {
				best, top = j, v
			}
		}
		counts[best]++
	}
	for j, c := range counts {
		q := p.At(0, j)
		if math.Abs(c/draws-q) > 4*math.Sqrt(q*(1-q)/draws) {
			t.Errorf("class %d: %v, frequency %v", j, q, c/draws)
		}
	}
}

func TestClassifyBadInput(t *testing.T) {
	y := mat.NewDense(2, 2, []float64{1, 0, 0, 1})
	nan := mat.NewDense(2, 2, []float64{1, 0, math.NaN(), 1})
	tie := mat.NewDense(2, 2, []float64{1, 0, 1, 1})
	for _, c := range []struct {
		says string
		err  error
	}{
		{"needed", second(regress.Confusion(nil, y))},
		{"one shape", second(regress.Confusion(mat.NewDense(2, 3, nil), y))},
		{"row 1, column 0 is NaN", second(regress.Confusion(nan, y))},
		{"row 1 name no class", second(regress.Confusion(y, tie))},
		{"row 0 name no class", second(regress.Margins(mat.NewDense(1, 1, nil),
			mat.NewDense(1, 1, nil)))},
		{"needed", second(regress.ClassProbabilities(nil, nil))},
		{"1 variances for 2", second(regress.ClassProbabilities(y, []float64{1}))},
		{"mean is NaN", second(regress.ClassProbabilities(nan, []float64{1, 1}))},
		{"variance of row 1 is -1", second(regress.ClassProbabilities(y, []float64{1, -1}))},
	} {
		mustSay(t, c.err, c.says, nil)
	}
}
