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
// says, the design that is fitted next comes with its error and its source, and it is trained in
// ten lines.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(blocks) != 3 {
		t.Fatalf("the README has %d pieces of Go, not 3", len(blocks))
	}
	ten := strings.TrimSpace(string(blocks[2][1]))
	if n := strings.Count(ten, "\n") + 1; n != 10 {
		t.Errorf("the ten lines are %d", n)
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
		"(\n\"context\"\n\"fmt\"\n\"math\"\n\n\"github.com/kernelsmith/kernelsmith/data\"\n" +
		"\"github.com/kernelsmith/kernelsmith/ntk\"\n" +
		"\"github.com/kernelsmith/kernelsmith/ntk/design\"\n" +
		"\"github.com/kernelsmith/kernelsmith/ntk/fcn\"\n" +
		"\"github.com/kernelsmith/kernelsmith/ntk/inverse\"\n" +
		"\"github.com/kernelsmith/kernelsmith/ntk/train\"\n)\n\nfunc main() {\n" + five + "\n" +
		string(blocks[1][1]) + ten + "\n}\n"
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
	for _, want := range []string{"relu(", "cos(", "off in the root mean square",
		"class Phi(torch.nn.Module)", "1HL ReLU, width 512, seed 1", "epoch 1000: train loss"} {
		if !strings.Contains(rest, want) {
			t.Errorf("no %q in what the README's other pieces print:\n%s", want, rest)
		}
	}
}
