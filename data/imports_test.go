package data

import (
	"os/exec"
	"strings"
	"testing"
)

// Loading never goes to the network, and a notebook cell that imports this
// package does not pay for linking net/http, about a third of a second.
func TestImportsNoNetwork(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 10 {
		t.Fatalf("dependencies %v", deps)
	}
	for _, d := range deps {
		if d == "net" || strings.HasPrefix(d, "net/") || strings.Contains(d, "kernelsmith/ntk") {
			t.Errorf("package data depends on %s", d)
		}
	}
}
