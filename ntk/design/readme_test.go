package design_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The README's code, taken from it, in one program: the five lines print what their comment
// says, and the design that is fitted next comes with its error and its source.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(blocks) != 2 {
		t.Fatalf("the README has %d pieces of Go, not 2", len(blocks))
	}
	five := strings.TrimSpace(string(blocks[0][1]))
	if n := strings.Count(five, "\n") + 1; n != 5 {
		t.Errorf("the five lines are %d", n)
	}
	_, said, found := strings.Cut(five[strings.LastIndex(five, "\n")+1:], " // ")
	if !found {
		t.Fatal("the last of the five lines does not say what it prints")
	}
	program := "package main\n\nimport " +
		"(\n\"context\"\n\"fmt\"\n\"math\"\n\n\"github.com/kernelsmith/kernelsmith/ntk\"\n" +
		"\"github.com/kernelsmith/kernelsmith/ntk/design\"\n" +
		"\"github.com/kernelsmith/kernelsmith/ntk/inverse\"\n)\n\nfunc main() {\n" + five + "\n" +
		string(blocks[1][1]) + "}\n"
	path := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(path, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.Command("go", "run", path)
	run.Stderr = &strings.Builder{}
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, run.Stderr, program)
	}
	first, rest, _ := strings.Cut(string(out), "\n")
	if first != said {
		t.Errorf("the README says %q, the program prints %q", said, first)
	}
	for _, want := range []string{"relu(", "cos(", "class Phi(torch.nn.Module)"} {
		if !strings.Contains(rest, want) {
			t.Errorf("no %q in what the README's second piece prints:\n%s", want, rest)
		}
	}
}
