package regress

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// counted ends a context when so many tiles have been asked for.
type counted struct {
	ntk.Tiles[float64]
	tiles  *atomic.Int64
	after  int64
	cancel func()
}

func (c counted) Tile(ctx context.Context, dst []float64, i0, i1, j0, j1 int) error {
	if c.tiles.Add(1) == c.after {
		c.cancel()
	}
	return c.Tiles.Tile(ctx, dst, i0, i1, j0, j1)
}

// hard is a problem that takes some passes: the Laplace kernel on a line of points.
func hard(n int) (*mat.SymDense, *mat.Dense) {
	gram, y := mat.NewSymDense(n, nil), mat.NewDense(n, 2, nil)
	for i := range n {
		for j := range i + 1 {
			gram.SetSym(i, j, math.Exp(-math.Abs(float64(i-j))/30))
		}
		y.SetRow(i, []float64{math.Cos(float64(i * i)), float64(i % 2)})
	}
	return gram, y
}

// However often an iteration is interrupted, at whatever tile, it goes on from where it was: the
// result is that of one that was left alone, to the last bit, and the passes are no more.
func TestResume(t *testing.T) {
	every := saveEvery
	defer func() { saveEvery = every }()
	gram, y := hard(600)
	settings := &SolveSettings{RelativeRidge: 1e-5, Method: landmarksMethod}
	want, err := Solve(t.Context(), ntk.MatrixTiles(gram), y, settings)
	if err != nil || want.Passes < 6 {
		t.Fatalf("%+v: %v", want, err)
	}
	for _, saveEvery = range []time.Duration{0, every} {
		s := *settings
		s.Checkpoint = filepath.Join(t.TempDir(), "state")
		var fit *Fit
		interrupts := 0
		for after := int64(5); fit == nil; after += 5 {
			ctx, cancel := context.WithCancel(t.Context())
			fit, err = Solve[float64](ctx,
				counted{ntk.MatrixTiles(gram), new(atomic.Int64), after, cancel}, y, &s)
			cancel()
			if fit == nil && !errors.Is(err, context.Canceled) {
				t.Fatalf("after %d tiles: %v", after, err)
			}
			interrupts++
		}
		if interrupts < 10 || fit.Passes != want.Passes || fit.Residual != want.Residual ||
			!mat.Equal(fit.Weights, want.Weights) {
			t.Errorf("after %d interrupts %d passes and residual %g, want %d and %g", interrupts,
				fit.Passes, fit.Residual, want.Passes, want.Residual)
		}
		// What is finished is read, and nothing is computed but a few rows to know it again by.
		count := new(atomic.Int64)
		again, err := Solve[float64](t.Context(),
			counted{ntk.MatrixTiles(gram), count, -1, nil}, y, &s)
		if err != nil || !mat.Equal(again.Weights, want.Weights) || count.Load() > 610 {
			t.Errorf("a finished state took %d tiles: %v", count.Load(), err)
		}
	}
}

// An interrupt at any tile, of whatever is solved, is its error and no result.
func TestInterrupts(t *testing.T) {
	gram, y := hard(600)
	few := mat.NewSymDense(20, nil)
	few.CopySym(gram.SliceSym(0, 20))
	cross := mat.DenseCopyOf(gram).Slice(0, 600, 0, 20)
	ridge := &RidgeSettings{Ridge: 1e-2}
	for name, solve := range map[string]func(ctx context.Context, c counted) (any, error){
		"NewRidge": func(ctx context.Context, c counted) (any, error) {
			c.Tiles = ntk.MatrixTiles(gram)
			return NewRidge(ctx, c, y, ridge)
		},
		"NewDescent": func(ctx context.Context, c counted) (any, error) {
			c.Tiles = ntk.MatrixTiles(gram)
			return NewDescent(ctx, c, c, y, 1e-3)
		},
		"single": func(ctx context.Context, c counted) (any, error) {
			c.Tiles = ntk.MatrixTiles(gram)
			return Solve[float64](ctx, c, y, &SolveSettings{Ridge: 1e-2, Method: singleMethod})
		},
		"FitLandmarks": func(ctx context.Context, c counted) (any, error) {
			c.Tiles = ntk.MatrixTiles(cross)
			return FitLandmarks[float64](ctx, c, ntk.MatrixTiles(few), y,
				&SolveSettings{Ridge: 1e-2})
		},
		"FitFeatures": func(ctx context.Context, c counted) (any, error) {
			c.Tiles = ntk.MatrixTiles(cross)
			return FitFeatures[float64](ctx, c, y, &SolveSettings{Ridge: 1e-2})
		},
		"Diagnose": func(ctx context.Context, c counted) (any, error) {
			c.Tiles = ntk.MatrixTiles(gram)
			return Diagnose[float64](ctx, c, 1, nil)
		},
	} {
		count := new(atomic.Int64)
		if _, err := solve(t.Context(), counted{tiles: count, after: -1}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all := count.Load()
		for after := int64(1); after <= all; after++ {
			ctx, cancel := context.WithCancel(t.Context())
			count.Store(0)
			result, err := solve(ctx, counted{tiles: count, after: after, cancel: cancel})
			cancel()
			if err == nil && after < all-1 || err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s, interrupted at tile %d of %d: %v, %v", name, after, all, result, err)
			}
		}
	}
}

// A checkpoint of something else, or of nothing, is an error and stays as it is.
func TestForeignCheckpoint(t *testing.T) {
	gram, y := hard(100)
	path := filepath.Join(t.TempDir(), "state")
	settings := SolveSettings{Ridge: 1e-3, Checkpoint: path}
	solve := func(scale float64, y *mat.Dense, s SolveSettings) error {
		scaled := mat.NewSymDense(100, nil)
		scaled.ScaleSym(scale, gram)
		_, err := Solve(t.Context(), ntk.MatrixTiles(scaled), y, &s)
		return err
	}
	if err := solve(1, y, settings); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := mat.DenseCopyOf(y)
	other.Set(3, 1, 7)
	ridge, method := settings, settings
	ridge.Ridge, method.Method = 2e-3, singleMethod
	nowhere := settings
	nowhere.Checkpoint = filepath.Join(path, "below")
	for says, err := range map[string]error{
		"other targets":            solve(1, other, settings),
		"2 outputs in place of":    solve(1, mat.DenseCopyOf(y.Slice(0, 100, 0, 1)), settings),
		"ridge 0.001 in place":     solve(1, y, ridge),
		`method "double" in place`: solve(1, y, method),
		"another kernel":           solve(1.001, y, settings),
		"checkpoint: stat " + path: solve(1, y, nowhere),
		"no checkpoint can be written": solve(1, y,
			SolveSettings{Checkpoint: filepath.Join(filepath.Dir(path), "none", "state")}),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != string(written) {
		t.Errorf("the checkpoint changed: %v", err)
	}
	if err := solve(1+1e-12, y, settings); err != nil {
		t.Errorf("a kernel that differs by rounding: %v", err)
	}
	for i := 0; i < len(written); i += 101 {
		broken := append([]byte(nil), written...)
		broken[i] ^= 4
		if err := os.WriteFile(path, broken, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := solve(1, y, settings); err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("byte %d of %d is another: %v", i, len(written), err)
		}
		if err := os.WriteFile(path, written[:i], 0o644); err != nil {
			t.Fatal(err)
		}
		if err := solve(1, y, settings); err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("%d of %d bytes: %v", i, len(written), err)
		}
	}
}

// A full disk costs no result; an interrupt then says that the state is not kept, and what was kept
// before stays.
func TestFullDisk(t *testing.T) {
	every := saveEvery
	defer func() { saveEvery, write = every, atomicfile.Write }()
	saveEvery = 0
	gram, y := hard(600)
	s := &SolveSettings{RelativeRidge: 1e-5, Method: landmarksMethod,
		Checkpoint: filepath.Join(t.TempDir(), "state")}
	count := new(atomic.Int64)
	passes := 0
	interrupted := func(after int64) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		count.Store(0)
		fit, err := Solve[float64](ctx, counted{ntk.MatrixTiles(gram), count, after, cancel}, y, s)
		if err == nil {
			passes = fit.Passes
		}
		return err
	}
	if err := interrupted(-1); err != nil {
		t.Fatal(err)
	}
	// A pass takes three tiles.
	begin := count.Load() - 3*int64(passes)
	if err := os.Remove(s.Checkpoint); err != nil {
		t.Fatal(err)
	}
	if err := interrupted(begin + 8); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(s.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	write = func(path string, fill func(w io.Writer) error) error {
		return atomicfile.Write(path, func(w io.Writer) error {
			return fill(full{w})
		})
	}
	err = interrupted(begin + 5)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("an interrupt with a full disk: %v", err)
	}
	if b, err := os.ReadFile(s.Checkpoint); err != nil || string(b) != string(kept) {
		t.Errorf("the earlier state changed: %v", err)
	}
	fit, err := Solve(t.Context(), ntk.MatrixTiles(gram), y, s)
	if err != nil || fit.Residual > 1e-6 {
		t.Errorf("no result with a full disk: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(s.Checkpoint), ".*")); len(left) > 0 {
		t.Errorf("left beside it: %v", left)
	}
}

// full is a disk that takes a few bytes more.
type full struct{ w io.Writer }

func (f full) Write(b []byte) (int, error) {
	n, _ := f.w.Write(b[:len(b)/2])
	return n, syscall.ENOSPC
}
