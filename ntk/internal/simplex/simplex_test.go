package simplex

import (
	"errors"
	"math"
	"testing"
)

// distance is Σ (w - to)², of which the least on the simplex is known.
func distance(to []float64) Function {
	return func(w, gradient []float64) (float64, error) {
		var sum float64
		for k, v := range w {
			sum += (v - to[k]) * (v - to[k])
			gradient[k] = 2 * (v - to[k])
		}
		return sum, nil
	}
}

func TestMinimize(t *testing.T) {
	for _, e := range []struct{ start, to, want []float64 }{
		{[]float64{1, 1, 1}, []float64{0.2, 0.3, 0.5}, []float64{0.2, 0.3, 0.5}},
		{[]float64{1, 0, 0}, []float64{0.2, 0.3, 0.5}, []float64{0.2, 0.3, 0.5}},
		{[]float64{0, 7, 1}, []float64{0.7, 0.5, -1}, []float64{0.6, 0.4, 0}},
	} {
		steps := 0
		m, err := Minimize(distance(e.to), e.start, Settings{Iterations: 200,
			Progress: func(iteration int, _ float64) { steps = iteration }})
		if err != nil {
			t.Fatal(err)
		}
		for k, w := range m.Weights {
			if math.Abs(w-e.want[k]) > 1e-4 {
				t.Errorf("from %v: %v; want %v", e.start, m.Weights, e.want)
			}
		}
		if !m.Converged || steps != m.Iterations || m.Evaluations <= steps {
			t.Errorf("from %v: %+v after %d steps", e.start, m, steps)
		}
	}
}

func TestErrors(t *testing.T) {
	of, s := distance([]float64{1, 0}), Settings{Iterations: 10}
	for _, start := range [][]float64{{1}, {0, 0}, {1, -1}, {math.NaN(), 1}, {math.Inf(1), 1}} {
		if _, err := Minimize(of, start, s); err == nil {
			t.Errorf("no error from %v", start)
		}
	}
	none := func(_, _ []float64) (float64, error) { return math.Inf(1), nil }
	if _, err := Minimize(none, []float64{1, 1}, s); !errors.Is(err, ErrNoValue) {
		t.Errorf("%v without a value", err)
	}
	own := errors.New("its own")
	failing := func(_, _ []float64) (float64, error) { return 0, own }
	if _, err := Minimize(failing, []float64{1, 1}, s); !errors.Is(err, own) {
		t.Errorf("%v of a function that fails", err)
	}
}
