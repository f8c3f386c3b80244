package ntk_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A dependency is a package's name and the file that asks for it.
type dependency struct{ name, file string }

// declared returns what the file of the checkout asks for by itself, not through another package.
// Of files that declare nothing it returns nil.
func declared(name, file string) ([]string, error) {
	base := path.Base(name)
	switch {
	case base == "go.mod":
		return goModules(file)
	case base == "package.json":
		return nodePackages(file)
	case strings.HasPrefix(base, "requirements") && strings.HasSuffix(base, ".in"):
		return pythonPackages(file)
	}
	return nil, nil
}

func goModules(file string) ([]string, error) {
	out, err := exec.Command("go", "mod", "edit", "-json", file).Output()
	if err != nil {
		return nil, fmt.Errorf("go mod edit -json %s: %w", file, err)
	}
	var m struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Tool []struct{ Path string }
	}
	if err := json.Unmarshal(out, &m); err != nil {
		return nil, err
	}
	var names []string
	for _, r := range m.Require {
		if !r.Indirect {
			names = append(names, r.Path)
		}
	}
	for _, tool := range m.Tool {
		names = append(names, tool.Path)
	}
	return names, nil
}

func nodePackages(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var p struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var names []string
	for _, of := range []map[string]string{p.Dependencies, p.DevDependencies} {
		for name := range of {
			names = append(names, name)
		}
	}
	return names, nil
}

var requirement = regexp.MustCompile(`(?m)^[A-Za-z0-9][A-Za-z0-9._-]*`)

func pythonPackages(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	names := requirement.FindAllString(string(text), -1)
	slices.Sort(names)
	return slices.Compact(names), err // one that has a line for each of several Pythons
}

var (
	dependencyRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]*) \\| [^|]+ \\| [^|]+ \\|$")
	quoted        = regexp.MustCompile("`([^`]+)`")
)

// listed reads the rows of a table whose first column is a name, and the second the files that ask
// for it.
func listed(document string) map[dependency]bool {
	rows := map[dependency]bool{}
	for _, row := range dependencyRow.FindAllStringSubmatch(document, -1) {
		for _, file := range quoted.FindAllStringSubmatch(row[2], -1) {
			rows[dependency{row[1], file[1]}] = true
		}
	}
	return rows
}

// missingAndStale says what is missing in the table, and what in it is gone.
func missingAndStale(table, found map[dependency]bool) []string {
	var lines []string
	for d := range found {
		if !table[d] {
			lines = append(lines, fmt.Sprintf("%s of %s is missing: add a row with its licence "+
				"and why it is used", d.name, d.file))
		}
	}
	for d := range table {
		if !found[d] {
			lines = append(lines, fmt.Sprintf("%s is not in %s: remove it there", d.name, d.file))
		}
	}
	slices.Sort(lines)
	return lines
}

func dependenciesDocument(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The document has every direct dependency, and no other.
func TestDependenciesAreListed(t *testing.T) {
	found, files := map[dependency]bool{}, 0
	walkCheckout(t, func(name, file string) error {
		names, err := declared(name, file)
		if names != nil {
			files++
		}
		for _, n := range names {
			found[dependency{n, name}] = true
		}
		return err
	})
	if files < 3 { // of Go, Python and Node.js
		t.Fatalf("only %d files of the checkout name dependencies", files)
	}
	for _, line := range missingAndStale(listed(dependenciesDocument(t)), found) {
		t.Errorf("docs/dependencies.md: %s", line)
	}
}

func TestDependencyCheckSees(t *testing.T) {
	table := listed("| package | asked for by | licence | why |\n|---|---|---|---|\n" +
		"| `there` | `go.mod`, `a/go.mod` | MIT | used |\n| `gone` | `go.mod` | MIT | was used |\n")
	found := map[dependency]bool{{"there", "go.mod"}: true, {"there", "a/go.mod"}: true,
		{"new", "go.mod"}: true}
	got := missingAndStale(table, found)
	if len(got) != 2 || !strings.HasPrefix(got[0], "gone is not in go.mod") ||
		!strings.HasPrefix(got[1], "new of go.mod is missing") {
		t.Errorf("differences are %q", got)
	}
}

// The program of the live page is given to readers of the report, so what it links is said too.
func TestLinkedInThePageIsListed(t *testing.T) {
	const own = "github.com/kernelsmith/kernelsmith"
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}",
		own+"/site/live")
	list.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	modules = slices.DeleteFunc(slices.Compact(modules), func(m string) bool { return m == own })
	row := regexp.MustCompile(`(?m)^\| The program of the live page .*$`)
	var said []string
	for _, m := range quoted.FindAllStringSubmatch(row.FindString(dependenciesDocument(t)), -1) {
		said = append(said, m[1])
	}
	slices.Sort(said)
	if len(modules) == 0 || !slices.Equal(modules, said) {
		t.Errorf("the live page links the modules %q, docs/dependencies.md says %q", modules, said)
	}
}
