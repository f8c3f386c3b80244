// Package accel serves gonum's BLAS interfaces, and factorisations by LAPACK, from an
// optimised library found at run time (OpenBLAS or Apple's Accelerate), loaded without
// cgo, and from gonum's portable Go code where there is none.
//
// The library is looked for once, at the first call, in this order:
//
//  1. the file named by KERNELSMITH_OPENBLAS ("off" keeps to portable code; a
//     file that cannot be used is reported in [Info.Problem], never ignored);
//  2. .venv of the module that holds the working directory (the
//     scipy-openblas32 wheel, whose symbols have the prefix "scipy_");
//  3. the system's OpenBLAS, and on macOS Accelerate.
//
// A program that finds none, and was not told "off", says so once on standard error, and how to
// have it.
//
// OPENBLAS_NUM_THREADS, OPENBLAS_CORETYPE and the library's other variables
// act as documented by the library; as many goroutines as it would have threads
// share the work of a product.
//
// The package does not register anything with gonum's blas32 and blas64: a
// program that imports it keeps the BLAS it chose for itself.
package accel

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// EnvLibrary names the environment variable with the library's path, or "off".
const EnvLibrary = "KERNELSMITH_OPENBLAS"

// Info says which arithmetic is in use.
type Info struct {
	Library string // "OpenBLAS 0.3.x", "Accelerate", "gonum (portable Go)"
	Path    string // the file it was loaded from; empty for portable Go
	Core    string // the kernels chosen for this CPU, where the library tells
	Threads int    // threads that a large product uses, where the library tells
	Problem string // why a library that was asked for is not in use; else empty
}

// String is the one line for a log or a page.
func (i Info) String() string {
	s := i.Library
	if i.Core != "" {
		s += ", " + i.Core + " kernels"
	}
	if i.Threads > 0 {
		s += fmt.Sprintf(", %d thread", i.Threads)
		if i.Threads != 1 {
			s += "s"
		}
	}
	if i.Problem != "" {
		s += " (" + i.Problem + ")"
	}
	return s
}

// Portable reports whether gonum's portable Go code is in use: results are
// then the same bytes on any number of threads.
func (i Info) Portable() bool { return i.Path == "" }

type backend struct {
	f32 blas.Float32
	f64 blas.Float64
	// serial32 and serial64 leave it to their callers to use the processors.
	serial32 blas.Float32
	serial64 blas.Float64

	lapack32 factorisations[float32]
	lapack64 factorisations[float64]
	info     Info
}

var active = sync.OnceValue(func() backend {
	wanted := os.Getenv(EnvLibrary)
	b := choose(wanted, candidates())
	if says := notice(b.info, wanted); says != "" {
		fmt.Fprintln(os.Stderr, says)
	}
	return b
})

// notice is what a program says once that runs in portable code without having asked for it, or "".
func notice(info Info, wanted string) string {
	if !info.Portable() || wanted == "off" {
		return ""
	}
	why := info.Problem
	if why == "" {
		why = "no OpenBLAS was found"
	}
	return "kernelsmith: " + why + "; matrix products run in portable Go, 8 to 10 times as " +
		"long. In the folder of your go.mod, \"python3 -m venv .venv && .venv/bin/python -m " +
		"pip install scipy-openblas32\" brings OpenBLAS; with " + EnvLibrary + "=off this is " +
		"not said."
}

// Float32 returns the active single-precision BLAS.
func Float32() blas.Float32 { return active().f32 }

// Float64 returns the active double-precision BLAS.
func Float64() blas.Float64 { return active().f64 }

// Serial32 returns the active single-precision BLAS with products that stay on
// the calling goroutine, for callers that run many at once. Two cannot be held
// to that: gonum's portable code and a library that keeps its threads to itself
// (Accelerate) divide large products as they like.
func Serial32() blas.Float32 { return active().serial32 }

// Serial64 is Serial32 in double precision.
func Serial64() blas.Float64 { return active().serial64 }

// Current tells which arithmetic is active.
func Current() Info { return active().info }

func portable() backend {
	impl := gonum.Implementation{}
	return backend{
		f32: impl, f64: impl, serial32: impl, serial64: impl,
		lapack32: portableSingle(), lapack64: portableDouble(),
		info: Info{Library: "gonum (portable Go)", Threads: runtime.GOMAXPROCS(0)},
	}
}

func choose(wanted string, found []string) backend {
	if wanted == "off" {
		return portable()
	}
	if wanted != "" {
		b, err := load(wanted)
		if err != nil {
			b = portable()
			b.info.Problem = fmt.Sprintf("%s=%s cannot be used: %v", EnvLibrary, wanted, err)
		}
		return b
	}
	for _, path := range found {
		if b, err := load(path); err == nil {
			return b
		}
	}
	return portable()
}

// shape returns the stored shape of a matrix whose op(·) is rows×cols.
func shape(t blas.Transpose, rows, cols int) (int, int) {
	if t == blas.NoTrans {
		return rows, cols
	}
	return cols, rows
}

// fits panics, as gonum's own routines do, on a matrix shorter than its shape.
func fits(length, rows, cols, stride int) {
	switch {
	case stride < max(1, cols):
		panic("blas: bad leading dimension")
	case length < stride*(rows-1)+cols:
		panic("blas: insufficient length of matrix")
	case rows > math.MaxInt32 || stride > math.MaxInt32:
		panic("blas: more rows or columns than 32-bit integers count")
	}
}

// candidates lists what may be loaded, best first. A bare name is left to the
// dynamic linker's search.
func candidates() []string {
	var c []string
	if module, ok := moduleFolder(); ok {
		for _, name := range []string{"libscipy_openblas.so", "libscipy_openblas.dylib"} {
			m, _ := filepath.Glob(
				filepath.Join(globEscape(module), ".venv", "lib", "python3*", "site-packages",
					"scipy_openblas32", "lib", name),
			)
			c = append(c, m...)
		}
	}
	if runtime.GOOS == "darwin" {
		return append(c,
			"/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
			"/usr/local/opt/openblas/lib/libopenblas.dylib",
			"/System/Library/Frameworks/Accelerate.framework/Accelerate")
	}
	return append(c, "libopenblas.so.0", "libopenblas.so")
}

// moduleFolder returns the folder at or above the working directory with a
// go.mod.
func moduleFolder() (dir string, ok bool) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, true
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	return "", false
}

// globEscape quotes the characters of a folder's name that Glob gives a meaning.
func globEscape(dir string) string {
	var out []rune
	for _, r := range dir {
		if r == '*' || r == '?' || r == '[' || r == '\\' {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}
