// Package pjrttest has the plugin of the CPU that tests of package pjrt and of device run on.
package pjrttest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrt"
)

// Wheel is where the plugin lies in the Python packages of .venv.
const Wheel = "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so"

// Path returns the plugin's path: the one that KERNELSMITH_PJRT names, or that of the wheel that
// the set-up of "make test" installs. A test without it fails.
func Path(t testing.TB) string {
	t.Helper()
	if named := os.Getenv(pjrt.EnvPlugin); named != "" {
		return named
	}
	for dir := "."; ; dir = filepath.Join(dir, "..") {
		found, err := filepath.Glob(
			filepath.Join(dir, ".venv", "lib", "python3*", "site-packages", Wheel))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			path, err := filepath.Abs(found[0])
			if err != nil {
				t.Fatal(err)
			}
			return path
		}
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || len(dir) > 200 {
			t.Fatalf("the tests of devices need the plugin of the CPU, %s in .venv: "+
				"\"tools/setup tests\" installs it, or %s names it", Wheel, pjrt.EnvPlugin)
		}
	}
}
