// Package pythontest runs scripts of tests in Python.
package pythontest

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Run runs a script of the tests with its arguments, under the Python in KERNELSMITH_PYTHON or else
// python3, and returns what it prints. The script needs a module: a Python without it skips the
// test, but for what KERNELSMITH_EXPORTS lists ("numpy torch jax"), which must be there.
func Run(t *testing.T, module, stdin, script string, arguments ...string) []byte {
	t.Helper()
	interpreter := os.Getenv("KERNELSMITH_PYTHON")
	if interpreter == "" {
		interpreter = "python3"
	}
	if out, err := exec.Command(interpreter, "-c", "import "+module).CombinedOutput(); err != nil {
		says := t.Skipf
		if slices.Contains(strings.Fields(os.Getenv("KERNELSMITH_EXPORTS")), module) {
			says = t.Fatalf
		}
		text := strings.TrimSpace(string(out))
		says("%s cannot import %s: %v: %s", interpreter, module, err,
			text[strings.LastIndex(text, "\n")+1:])
	}
	cmd := exec.Command(interpreter, append([]string{"-B", script}, arguments...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return out
}
