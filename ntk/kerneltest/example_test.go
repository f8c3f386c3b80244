package kerneltest_test

import (
	"fmt"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/kerneltest"
)

// count stands for the *testing.T of a test.
type count struct {
	testing.TB
	failures int
}

func (c *count) Errorf(string, ...any) { c.failures++ }
func (c *count) Helper()               {}

func ExampleActivation() {
	t := &count{}
	kerneltest.Activation(t, ntk.Erf{}, kerneltest.Settings{MaxVariance: 2})
	fmt.Println(t.failures)
	// Output: 0
}

func ExampleKernel() {
	t := &count{}
	kerneltest.Kernel(t, ntk.Must(ntk.GaussianKernel(1)), kerneltest.Settings{})
	fmt.Println(t.failures)
	// Output: 0
}
