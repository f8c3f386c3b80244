package ntk_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	maxColumns       = 100 // of a line, a tab being four of them
	maxFunctionLines = 80
	// What someone who reads the documentation from end to end has to take in.
	maxNames   = 440
	maxMethods = 390
)

// mine is the folder of a user's own programs, of which git knows nothing.
const mine = "mine"

// goFile is a file of the module. Its name starts at the module's root and has slashes.
type goFile struct {
	name   string
	source []byte
	set    *token.FileSet
	syntax *ast.File
}

func (f goFile) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

// isPublic says whether others can import the file's package.
func (f goFile) isPublic() bool {
	inside := strings.Contains("/"+f.name, "/internal/") ||
		strings.HasPrefix(f.name, "tools/") || strings.HasPrefix(f.name, "notebooks/")
	return !inside && !f.isTest() && f.syntax.Name.Name != "main"
}

func parseGo(name string, source []byte) (goFile, error) {
	f := goFile{name: name, source: source, set: token.NewFileSet()}
	var err error
	f.syntax, err = parser.ParseFile(f.set, name, source, parser.SkipObjectResolution)
	return f, err
}

// walkCheckout calls visit with the files of the checkout but those in testdata and in folders
// whose names start with a dot, where caches and installed packages are. Names start at the root
// and have slashes.
func walkCheckout(t *testing.T, visit func(name, file string) error) {
	t.Helper()
	const root = ".."
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != root &&
			(d.Name() == "testdata" || d.Name() == mine || strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(name), file)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// moduleFiles returns the Go files of the checkout.
func moduleFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	walkCheckout(t, func(name, file string) error {
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		f, err := parseGo(name, source)
		files = append(files, f)
		return err
	})
	if len(files) == 0 {
		t.Fatal("no Go files in the module")
	}
	return files
}

// A place is a line of a file and how much there is too much of.
type place struct{ line, size int }

func longLines(f goFile) []place {
	var long []place
	for i, line := range bytes.Split(f.source, []byte("\n")) {
		n := utf8.RuneCount(line) + 3*bytes.Count(line, []byte("\t"))
		if n > maxColumns {
			long = append(long, place{i + 1, n})
		}
	}
	return long
}

// longFunctions counts from the func to the closing brace, without the comment above. A literal
// counts where it stands in no declared function.
func longFunctions(f goFile) []place {
	var long []place
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			first := f.set.Position(n.Pos()).Line
			if lines := f.set.Position(n.End()).Line - first + 1; lines > maxFunctionLines {
				long = append(long, place{first, lines})
			}
			return false
		}
		return true
	})
	return long
}

// Lines that fit beside a diff, and functions that fit on a page.
func TestLinesAndFunctionsAreShort(t *testing.T) {
	for _, f := range moduleFiles(t) {
		for _, p := range longLines(f) {
			t.Errorf("%s:%d: a line of %d columns, more than %d", f.name, p.line, p.size,
				maxColumns)
		}
		if f.isTest() {
			continue
		}
		for _, p := range longFunctions(f) {
			t.Errorf("%s:%d: a function of %d lines, more than %d", f.name, p.line, p.size,
				maxFunctionLines)
		}
	}
}

// exported returns the exported package-level names of a file, and its exported methods on exported
// types as "Type.Method", but for String, which asks nothing of a reader.
func exported(f *ast.File) (names, methods []string) {
	add := func(n *ast.Ident) {
		if n.IsExported() {
			names = append(names, n.Name)
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add(d.Name)
			} else if of := receiver(d.Recv.List[0].Type); of.IsExported() && d.Name.IsExported() &&
				d.Name.Name != "String" {
				methods = append(methods, of.Name+"."+d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					add(s.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						add(n)
					}
				}
			}
		}
	}
	return names, methods
}

// receiver returns the type's name in T, *T, T[P] or T[P, Q] of a method's receiver.
func receiver(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return receiver(e.X)
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	}
	return e.(*ast.Ident)
}

// The public packages together stay small enough to be known.
func TestFewExportedNames(t *testing.T) {
	names, methods := 0, 0
	perPackage := map[string][2]int{}
	for _, f := range moduleFiles(t) {
		if !f.isPublic() {
			continue
		}
		n, m := exported(f.syntax)
		names, methods = names+len(n), methods+len(m)
		folder := path.Dir(f.name)
		sum := perPackage[folder]
		perPackage[folder] = [2]int{sum[0] + len(n), sum[1] + len(m)}
	}
	if names > maxNames || methods > maxMethods {
		t.Errorf("%d exported names and %d exported methods, more than %d or %d: take back some, "+
			"or do without one for each that is new", names, methods, maxNames, maxMethods)
		for _, folder := range slices.Sorted(maps.Keys(perPackage)) {
			t.Logf("%s: %d names, %d methods", folder, perPackage[folder][0],
				perPackage[folder][1])
		}
	}
}

// The checks above must see what they are there for.
func TestStyleChecksSee(t *testing.T) {
	letters := strings.Repeat("√", maxColumns-8)
	source := "package p\n\n" +
		"//\t// " + letters[3:] + "\n" + // 100 columns
		"//\t// " + letters + "\n\n" +
		"func f() {" + strings.Repeat("\n", maxFunctionLines-1) + "}\n" +
		"func (*T[A, B]) G() {" + strings.Repeat("\n", maxFunctionLines) + "}\n" +
		"func (t) H() {}\n" +
		"func (T[A, B]) h() {}\n" +
		"type (T[A, B any] int; t = T[int, int])\n" +
		"const C, c = 1, 2\n" +
		"var V = func() {" + strings.Repeat("\n", maxFunctionLines) + "}\n"
	f, err := parseGo("p/p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	long := longLines(f)
	if len(long) != 1 || long[0] != (place{4, maxColumns + 1}) {
		t.Errorf("long lines %v, want one, the fourth", long)
	}
	functions := longFunctions(f)
	if len(functions) != 2 || functions[0] != (place{6 + maxFunctionLines, maxFunctionLines + 1}) {
		t.Errorf("long functions %v, want the method G and the value of V", functions)
	}
	names, methods := exported(f.syntax)
	if got := strings.Join(append(names, methods...), " "); got != "T C V T.G" {
		t.Errorf("exported %s, want T C V T.G", got)
	}
	for name, public := range map[string]bool{"p/p.go": true, "p/internal/q/q.go": false,
		"internal/q/q.go": false, "p/p_test.go": false, "tools/t/t.go": false} {
		f.name = name
		if f.isPublic() != public {
			t.Errorf("%s is public: %v", name, !public)
		}
	}
}
