package ntk_test

import (
	"testing"

	"go.uber.org/goleak"
)

// When the tests have passed, no goroutine that they started is left.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.handleEvent")) // WebAssembly's
}
