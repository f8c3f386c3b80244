package plotting

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestWhatCannotBeDrawnIsNamed(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tc := range []struct {
		name  string
		opt   Options
		build func(*Figure)
		want  DataError // Problem is a part of it
	}{
		{"NaN in y", Options{}, func(f *Figure) {
			f.Line("net", []float64{1, 2, 3},
				[]float64{1, nan, 3})
		}, DataError{`line "net"`, 1, nan, "y is not finite"}},
		{"infinite x", Options{}, func(f *Figure) {
			f.Points("net", []float64{1, inf},
				[]float64{1, 2})
		}, DataError{`points "net"`, 1, inf, "x is not finite"}},
		{"NaN in hi", Options{}, func(f *Figure) {
			f.Band("net", []float64{1}, []float64{0},
				[]float64{nan})
		}, DataError{`band "net"`, 0, nan, "y is not finite"}},
		{"lengths", Options{}, func(f *Figure) { f.Line("net", []float64{1, 2}, []float64{1}) },
			DataError{`line "net"`, -1, 0, "2 values of x, 1 of y"}},
		{"lengths of a band", Options{}, func(f *Figure) {
			f.Band("net", []float64{1, 2},
				[]float64{1, 2}, []float64{1})
		},
			DataError{`band "net"`, -1, 0, "2 values of x, 2 of lo, 1 of hi"}},
		{"empty", Options{}, func(f *Figure) { f.Line("net", nil, nil) },
			DataError{`line "net"`, -1, 0, "no points"}},
		{"band upside down", Options{}, func(f *Figure) {
			f.Band("net", []float64{1, 2},
				[]float64{0, 3}, []float64{1, 2})
		},
			DataError{`band "net"`, 1, 3, "lo is above hi = 2"}},
		{"negative y, log", Options{LogY: true},
			func(f *Figure) { f.Line("loss", []float64{1, 2}, []float64{1, -2}) },
			DataError{`line "loss"`, 1, -2, "log y axis"}},
		{"zero y, log", Options{LogY: true}, func(f *Figure) {
			f.Line("loss", []float64{1, 2},
				[]float64{0, 2})
		}, DataError{`line "loss"`, 0, 0, "log y axis"}},
		{"negative x, log", Options{LogX: true},
			func(f *Figure) { f.Line("loss", []float64{0, -1}, []float64{0, 2}) },
			DataError{`line "loss"`, 1, -1, "log x axis"}},
		{"only epoch 0", Options{LogX: true},
			func(f *Figure) { f.Line("loss", []float64{0}, []float64{1}) },
			DataError{`line "loss"`, -1, 0, "all its points are at x = 0"}},
		{"vertical line at 0, log", Options{LogX: true}, func(f *Figure) { f.VLine("", 0) },
			DataError{"unnamed vertical line (series 1)", 0, 0, "no place for x = 0"}},
		{"unnamed", Options{}, func(f *Figure) { f.HLine("", 1); f.Line("", nil, nil) },
			DataError{"unnamed line (series 2)", -1, 0, "no points"}},
		{"function", Options{}, func(f *Figure) {
			f.Func("1/c",
				func(c float64) float64 { return 1 / c }, -1, 1)
		},
			DataError{`line "1/c"`, 512, inf, "not finite at x = 0"}},
		{"interval", Options{}, func(f *Figure) { f.Func("φ", math.Sin, 1, 1) },
			DataError{`line "φ"`, -1, 0, "interval from 1 to 1"}},
		{"interval, log", Options{LogX: true}, func(f *Figure) { f.Func("φ", math.Sin, 0, 1) },
			DataError{`line "φ"`, -1, 0, "positive ends"}},
		{"no function", Options{}, func(f *Figure) { f.Func("φ", nil, 0, 1) },
			DataError{`line "φ"`, -1, 0, "nil"}},
		{"empty note", Options{}, func(f *Figure) { f.Note(0, 0, "") },
			DataError{"unnamed note (series 1)", -1, 0, "empty"}},
		{"nameless key", Options{}, func(f *Figure) { f.Key("", Thin) },
			DataError{"unnamed legend key (series 1)", -1, 0, "needs a name"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := New(tc.opt)
			tc.build(f)
			_, err := PNG(f)
			var got *DataError
			if !errors.As(err, &got) {
				t.Fatalf("PNG: %v, want a *DataError", err)
			}
			if diff := cmp.Diff(
				tc.want, *got, cmpopts.EquateNaNs(), cmpopts.IgnoreFields(DataError{}, "Problem"),
			); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !strings.Contains(err.Error(), tc.want.Problem) ||
				!strings.Contains(err.Error(), tc.want.Series) {
				t.Errorf("error %q does not say %q of %q", err, tc.want.Problem, tc.want.Series)
			}
		})
	}
}

func TestOtherErrors(t *testing.T) {
	line := func(f *Figure) { f.Line("net", []float64{1, 2}, []float64{1, 2}) }
	styled := func(s Style) func(*Figure) {
		return func(f *Figure) { f.Line("net", []float64{1, 2}, []float64{1, 2}, s) }
	}
	for _, tc := range []struct {
		name  string
		opt   Options
		build func(*Figure)
		want  string
	}{
		{"range reversed", Options{XRange: &[2]float64{1, 0}}, line, "XRange {1, 0}"},
		{"range not finite", Options{YRange: &[2]float64{0, math.Inf(1)}}, line,
			"YRange {0, +Inf}"},
		{"range, log", Options{LogY: true, YRange: &[2]float64{0, 1}}, line, "positive ends"},
		{"negative width", Options{Width: -1}, line, "Width of -1 inches"},
		{"NaN height", Options{Height: math.NaN()}, line, "Height of NaN inches"},
		{"DPI", Options{DPI: 1}, line, "DPI 1"},
		{"too many pixels", Options{Width: 100, Height: 100, DPI: 2400}, line, "pixels"},
		{"legend", Options{Legend: 99}, line, "legend position 99"},
		{"no shape in title", Options{Title: "c ∈ [−1, 1]"}, line, "'∈'"},
		{"no shape in name", Options{}, func(f *Figure) { f.Line("网", []float64{1}, []float64{1}) },
			"'网'"},
		{"span", Options{}, func(f *Figure) {
			f.Line("net", []float64{1, 2},
				[]float64{-1.7e308, 1.7e308})
		}, "set YRange"},
		{"weight", Options{}, styled(Weight(-1)), "Weight(-1)"},
		{"colour", Options{}, styled(Color(nil)), "Color(nil)"},
		{"style", Options{}, styled(nil), "nil Style"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := New(tc.opt)
			tc.build(f)
			if _, err := PNG(f); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("PNG: %v, want an error with %q", err, tc.want)
			}
		})
	}
	var nothing *Figure
	if err := nothing.Err(); err == nil {
		t.Error("a nil *Figure has no error")
	}
	if _, err := PNG(nil); err == nil {
		t.Error("PNG(nil): no error")
	}
}

func TestFirstErrorIsKept(t *testing.T) {
	f := New(Options{})
	f.Line("first", nil, nil)
	f.Line("second", []float64{math.NaN()}, []float64{1})
	f.Line("good", []float64{1, 2}, []float64{1, 2})
	if err := f.Err(); err == nil || !strings.Contains(err.Error(), "first") {
		t.Errorf("Err: %v, want the first error", err)
	}
}

func TestDataAreCopied(t *testing.T) {
	xs, lo, hi := []float64{0, 1, 2}, []float64{3, 4, 5}, []float64{6, 7, 8}
	r := [2]float64{0, 10}
	f := New(Options{LogX: true, YRange: &r})
	f.Band("net", xs, lo, hi)
	if diff := cmp.Diff(
		[][]float64{{0, 1, 2}, {3, 4, 5}, {6, 7, 8}}, [][]float64{xs, lo, hi},
	); diff != "" {
		t.Errorf("arguments were changed (-want +got)\n%s", diff)
	}
	xs[1], lo[1], hi[1], r[0] = -9, -9, -9, -9
	s := f.series[0]
	if diff := cmp.Diff(
		[][]float64{{1, 2}, {4, 5}, {7, 8}}, [][]float64{s.xs, s.ys, s.hi},
	); diff != "" {
		t.Errorf("band without epoch 0 (-want +got)\n%s", diff)
	}
	if *f.opt.YRange != [2]float64{0, 10} {
		t.Errorf("YRange follows the caller's array: %v", *f.opt.YRange)
	}
}

func TestRanges(t *testing.T) {
	approx := cmpopts.EquateApprox(1e-12, 0)
	for _, tc := range []struct {
		name  string
		opt   Options
		build func(*Figure)
		want  [4]float64
	}{
		{"empty", Options{}, func(*Figure) {}, [4]float64{0, 1, 0, 1}},
		{"empty, log", Options{LogX: true, LogY: true}, func(*Figure) {}, [4]float64{1, 10, 1, 10}},
		{"a line fills the width, with 4 % above and below", Options{},
			func(f *Figure) { f.Line("", []float64{-1, 1}, []float64{0, 100}) },
			[4]float64{-1, 1, -4, 104}},
		{"bands count", Options{}, func(f *Figure) {
			f.Band("", []float64{0, 1}, []float64{0, -1},
				[]float64{1, 99})
		}, [4]float64{0, 1, -5, 103}},
		{"lines across count", Options{}, func(f *Figure) {
			f.Line("", []float64{0, 1},
				[]float64{0, 1})
			f.HLine("", 100)
			f.VLine("", 2)
		}, [4]float64{0, 2, -4, 104}},
		{"dots keep off the edges", Options{},
			func(f *Figure) { f.Points("", []float64{0, 100}, []float64{0, 100}) },
			[4]float64{-4, 104, -4, 104}},
		{"one point", Options{}, func(f *Figure) { f.Line("", []float64{10}, []float64{0}) },
			[4]float64{9, 11, -1, 1}},
		{"one point, log", Options{LogX: true, LogY: true},
			func(f *Figure) { f.Line("", []float64{10}, []float64{1}) }, [4]float64{5, 20, 0.5, 2}},
		{"log margins are factors", Options{LogY: true},
			func(f *Figure) { f.Line("", []float64{0, 1}, []float64{1, 1e25}) },
			[4]float64{0, 1, 0.1, 1e26}},
		{"epoch 0 is left out", Options{LogX: true},
			func(f *Figure) { f.Line("", []float64{0, 1, 1000}, []float64{-100, 0, 100}) },
			[4]float64{1, 1000, -4, 104}},
		{"fixed", Options{XRange: &[2]float64{2, 3}, YRange: &[2]float64{4, 5}},
			func(f *Figure) { f.Line("", []float64{0, 9}, []float64{0, 9}) },
			[4]float64{2, 3, 4, 5}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := New(tc.opt)
			tc.build(f)
			if err := f.Err(); err != nil {
				t.Fatal(err)
			}
			fr, err := f.frame()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(
				tc.want, [4]float64{fr.x[0], fr.x[1], fr.y[0], fr.y[1]}, approx,
			); diff != "" {
				t.Errorf("x and y ranges (-want +got)\n%s", diff)
			}
		})
	}
}

func TestFuncSamplesBothEnds(t *testing.T) {
	for _, log := range []bool{false, true} {
		f := New(Options{LogX: log})
		f.Func("square", func(x float64) float64 { return x * x }, 0.1, 1000)
		s := f.series[0]
		if n := len(s.xs); n != funcSamples || s.xs[0] != 0.1 || s.xs[n-1] != 1000 ||
			s.ys[n-1] != 1e6 {
			t.Errorf("log %v: %d samples from %v to (%v, %v)", log, n, s.xs[0], s.xs[n-1],
				s.ys[n-1])
		}
		want := (0.1 + 1000) / 2
		if log {
			want = 10 // the geometric middle
		}
		if got := s.xs[funcSamples/2]; math.Abs(got-want) > 1e-12*want {
			t.Errorf("log %v: the middle sample is at %v, want %v", log, got, want)
		}
	}
}
