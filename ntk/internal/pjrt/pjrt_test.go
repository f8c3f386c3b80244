//go:build linux && amd64

package pjrt_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrt"
	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrttest"
)

func client(t *testing.T, options pjrt.Options) *pjrt.Client {
	t.Helper()
	p, err := pjrt.Load(pjrttest.Path(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.NewClient(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// Small integers are multiplied exactly, in any precision, on each of four devices.
func TestProductOnFourDevices(t *testing.T) {
	c := client(t, pjrt.Options{"cpu_device_count": int64(4)})
	if c.Platform != "cpu" || c.Version == "" || len(c.Devices) != 4 || c.Devices[3].Kind == "" {
		t.Fatalf("%+v", c)
	}
	const m, n, k = 17, 5, 33
	testProduct[float32](t, c, "f32", m, n, k)
	testProduct[float64](t, c, "f64", m, n, k)
	testProduct[int32](t, c, "i32", m, n, k)
}

func testProduct[T pjrt.Number](t *testing.T, c *pjrt.Client, element string, m, n, k int) {
	t.Helper()
	program, err := c.Compile(fmt.Sprintf(`module @product {
	  func.func @main(%%x: tensor<%[1]dx%[3]dx%[4]s>, %%y: tensor<%[2]dx%[3]dx%[4]s>)
	      -> tensor<%[1]dx%[2]dx%[4]s> {
	    %%z = stablehlo.dot_general %%x, %%y, contracting_dims = [1] x [1]
	      : (tensor<%[1]dx%[3]dx%[4]s>, tensor<%[2]dx%[3]dx%[4]s>) -> tensor<%[1]dx%[2]dx%[4]s>
	    return %%z : tensor<%[1]dx%[2]dx%[4]s>
	  }
	}`, m, n, k, element))
	if err != nil {
		t.Fatal(err)
	}
	defer program.Free()
	r := rand.New(rand.NewPCG(1, 2))
	for _, d := range c.Devices {
		x, y, got := make([]T, m*k), make([]T, n*k), make([]T, m*n)
		for i := range x {
			x[i] = T(r.IntN(19) - 9)
		}
		for i := range y {
			y[i] = T(r.IntN(19) - 9)
		}
		var in, out pjrt.Buffers
		in.Add(pjrt.Upload(d, x, int64(m), int64(k)))
		in.Add(pjrt.Upload(d, y, int64(n), int64(k)))
		if in.Err != nil {
			t.Fatal(in.Err)
		}
		if out.List, err = program.Run(d, in.List); err != nil {
			t.Fatal(err)
		}
		if err := pjrt.Download(out.List[0], got, int64(m), int64(n)); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			var want T
			for l := range k {
				want += x[i/n*k+l] * y[i%n*k+l]
			}
			if got[i] != want {
				t.Fatalf("%s, device %d, element %d is %v, want %v", element, d.Number, i, got[i],
					want)
			}
		}
		in.Free()
		out.Free()
	}
}

// The structs of the header have in Go the layout that they have in C.
func TestLayout(t *testing.T) {
	for name, sizes := range pjrt.Layout() {
		if sizes[0] != sizes[1] {
			t.Errorf("%s has %d bytes in C and %d in Go", name, sizes[0], sizes[1])
		}
	}
}

func contains(t *testing.T, err error, kind error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; %q were expected", texts)
		return
	}
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("%v: it is not %q", err, kind)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v: it does not say %q", err, text)
		}
	}
}

// What is no plugin, or one of another version, is refused.
func TestOtherLibraries(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plugin.so")
	if err := os.WriteFile(file, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := pjrt.Load(file)
	contains(t, err, nil, file, "cannot be loaded")
	_, err = pjrt.Load("libc.so.6")
	contains(t, err, nil, "no GetPjrtApi")

	p, err := pjrt.Load(pjrttest.Path(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := pjrttest.NewFaulty(p).Check(); err != nil {
		t.Fatal(err) // a copy of a good table
	}
	f := pjrttest.NewFaulty(p)
	f.SetVersion(1)
	contains(t, f.Check(), pjrt.ErrVersion, "has version 1.", "made for 0.104")
	f = pjrttest.NewFaulty(p)
	f.Shorten("PJRT_Buffer_ToHostBuffer")
	contains(t, f.Check(), pjrt.ErrVersion, "lacks PJRT_Buffer_ToHostBuffer")
}

// A plugin that differs gives no error but zeros; the program that is tried finds it out.
func TestPluginThatDiffers(t *testing.T) {
	p, err := pjrt.Load(pjrttest.Path(t))
	if err != nil {
		t.Fatal(err)
	}
	f := pjrttest.NewFaulty(p)
	f.Silence("PJRT_Buffer_ToHostBuffer")
	_, err = f.NewClient(nil)
	contains(t, err, nil, "it failed a test", "a product is [0 0 0 0]")
}

// The words that NVIDIA's plugin, of jax-cuda12-pjrt 0.11.2, has for a machine without a GPU.
const noGPU = "No visible GPU devices."

// Errors of the plugin become errors of their kinds, and are freed.
func TestFaults(t *testing.T) {
	p, err := pjrt.Load(pjrttest.Path(t))
	if err != nil {
		t.Fatal(err)
	}
	f := pjrttest.NewFaulty(p)
	f.Fail("PJRT_Client_Create", pjrttest.Precondition, noGPU)
	_, err = f.NewClient(nil)
	contains(t, err, pjrt.ErrNoDevice, noGPU)
	if f.Made != 1 || f.Freed != 1 {
		t.Errorf("%d errors were made and %d freed", f.Made, f.Freed)
	}
	for _, c := range []struct {
		function string
		code     int32
		message  string
		kind     error
	}{
		{"PJRT_Client_BufferFromHostBuffer", pjrttest.Exhausted, "1GiB", pjrt.ErrOutOfMemory},
		{"PJRT_Client_Compile", pjrttest.Invalid, "Unexpected PJRT_Program size", pjrt.ErrVersion},
		{"PJRT_LoadedExecutable_Execute", pjrttest.Internal, "CUDA_ERROR_UNKNOWN", pjrt.ErrLost},
		{"PJRT_Event_Await", pjrttest.Unavailable, "the device is gone", pjrt.ErrLost},
	} {
		f := pjrttest.NewFaulty(p)
		f.Fail(c.function, c.code, c.message)
		_, err := f.NewClient(nil)
		contains(t, err, c.kind, "it failed a test", c.message)
		if f.Made == 0 || f.Freed != f.Made {
			t.Errorf("%s: %d errors were made and %d freed", c.function, f.Made, f.Freed)
		}
	}
}

// The errors of the plugin itself, and of what is asked of it.
func TestErrors(t *testing.T) {
	c := client(t, nil)
	_, err := c.Compile("module { func.func @main() { return %x : tensor<f32> } }")
	contains(t, err, nil, "compiling a program", "undeclared SSA value name")
	_, err = c.Plugin.NewClient(pjrt.Options{"cpu_device_count": "four"})
	contains(t, err, nil, "the option cpu_device_count is a string")
	d := c.Devices[0]
	_, err = pjrt.Upload(d, []float32{1, 2, 3}, 2, 2)
	contains(t, err, nil, "3 numbers are no array of dimensions [2 2]")
	_, err = pjrt.Upload(d, []float32{}, 0)
	contains(t, err, nil, "0 numbers")
	b, err := pjrt.Upload(d, []float32{1, 2, 3, 4}, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, pjrt.Download(b, make([]float32, 4), 4), nil, "has dimensions [2 2]")
	contains(t, pjrt.Download(b, make([]float64, 4), 2, 2), nil, "of type 11")
	contains(t, pjrt.Download(b, make([]float32, 3), 2, 2), nil, "3 numbers")
	twice, err := c.Compile(`module { func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
		%y = stablehlo.add %x, %x : tensor<2x2xf32>
		return %y : tensor<2x2xf32> } }`)
	if err != nil {
		t.Fatal(err)
	}
	defer twice.Free()
	_, err = twice.Run(d, nil)
	contains(t, err, nil, "running a program")
	if err := errors.Join(b.Free(), b.Free()); err != nil {
		t.Error(err)
	}
	_, err = twice.Run(d, []*pjrt.Buffer{b})
	contains(t, err, nil, "argument 0 was freed")
}

// The plugin is the one that is named, or one of a GPU among the packages of .venv.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv(pjrt.EnvPlugin, filepath.Join(dir, "none.so"))
	_, err := pjrt.Find()
	contains(t, err, nil, pjrt.EnvPlugin, "none.so")
	t.Setenv(pjrt.EnvPlugin, "")
	_, err = pjrt.Find()
	contains(t, err, nil, "no plugin of a GPU", "make gpu")
	packages := filepath.Join(dir, ".venv", "lib", "python3.12", "site-packages")
	for _, name := range []string{
		"jax_plugins/xla_cuda12/xla_cuda_plugin.so", pjrttest.Wheel,
	} {
		file := filepath.Join(packages, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("go.mod", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	found, err := pjrt.Find()
	if err != nil || filepath.Base(filepath.Dir(found)) != "xla_cuda12" {
		t.Errorf("%s, %v", found, err)
	}
	t.Setenv(pjrt.EnvPlugin, filepath.Join(packages, pjrttest.Wheel))
	if found, err := pjrt.Find(); err != nil || !strings.HasSuffix(found, pjrttest.Wheel) {
		t.Errorf("%s, %v", found, err)
	}
}
