package ntk_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// implied are methods that a type has for an interface; they are shown where the interface is.
var implied = map[string]bool{
	"String":        true,
	"Error":         true,
	"Unwrap":        true,
	"Validate":      true,
	"UnmarshalJSON": true,
	"Kinks":         true,
	"Jumps":         true,
	"EvalFloat32":   true,
	"Prepare":       true,
	"DualPrepared":  true,
	"RecordType":    true,
	"Position":      true, // of a trial, for train.Steps
	"NewSteps":      true, // of a device, for train.Settings
}

// documented are the folders of the packages for users.
var documented = []string{
	".",
	"cnn",
	"design",
	"device",
	"fcn",
	"hermite",
	"inverse",
	"kerneltest",
	"regress",
	"spectra",
	"study",
	"train",
	"../data",
	"../plotting",
	"../plotting/live",
}

// parsed returns the Go files of a folder, by their paths.
func parsed(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no Go files in %s (%v)", dir, err)
	}
	files := map[string]*ast.File{}
	for _, path := range paths {
		if files[path], err = parser.ParseFile(
			token.NewFileSet(), path, nil, parser.ParseComments,
		); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// What an Example calls is in its own file, so that its documentation shows a whole program.
func TestExamplesAreWhole(t *testing.T) {
	for _, dir := range documented {
		for path, file := range parsed(t, dir) {
			for _, e := range doc.Examples(file) {
				if e.Play == nil {
					t.Errorf("%s: Example%s uses a name that is not declared in its file", path,
						e.Name)
				}
			}
		}
	}
}

// Every exported function and method of every package is used in one of its Examples.
func TestEveryEntryPointHasAnExample(t *testing.T) {
	for _, dir := range documented {
		entries, used := map[string]string{}, map[string]bool{}
		for path, file := range parsed(t, dir) {
			test := strings.HasSuffix(path, "_test.go")
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				switch {
				case !ok:
				case test && strings.HasPrefix(f.Name.Name, "Example"):
					for _, part := range strings.Split(f.Name.Name[len("Example"):], "_") {
						used[part] = true
					}
					ast.Inspect(f.Body, func(n ast.Node) bool {
						if id, ok := n.(*ast.Ident); ok {
							used[id.Name] = true
						}
						return true
					})
				case !test && f.Name.IsExported() && !implied[f.Name.Name]:
					receiver := ""
					if f.Recv != nil {
						receiver = typeName(f.Recv.List[0].Type)
						if !ast.IsExported(receiver) {
							continue
						}
					}
					entries[receiver+"."+f.Name.Name] = f.Name.Name
				}
			}
		}
		for entry, name := range entries {
			if !used[name] {
				t.Errorf("%s: no Example uses %s", dir, strings.TrimPrefix(entry, "."))
			}
		}
	}
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
