package ntk_test

import (
	"encoding/json"
	"errors"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// notResults are structs that functions return and that are no results: what is to be done, made
// by a function or handed back.
var notResults = []string{
	"cnn.Config", "cnn.Image", "cnn.Readout", "design.Family", "fcn.Config", "inverse.Places",
	"ntk.Readout", "regress.Grams", "regress.Likelihood", "study.Runs", "train.Identity",
}

// A result is printed as a sentence: fmt.Println of pointers and numbers says nothing.
func TestEveryResultPrintsItself(t *testing.T) {
	seen := 0
	for _, pkg := range typed(t, "../...") {
		for _, name := range returned(pkg) {
			full := pkg.Name() + "." + name
			prints := has(pkg, name, "String") || has(pkg, name, "Error")
			switch listed := slices.Contains(notResults, full); {
			case listed && prints:
				t.Errorf("%s has a String and stands in notResults: take it out", full)
			case !listed && !prints:
				t.Errorf("%s is returned and prints as numbers in braces: give it a String method "+
					"that says in a line what it is, with two or three digits", full)
			}
			seen++
		}
	}
	if seen < 30 {
		t.Errorf("the test sees %d results, of some forty", seen)
	}
}

// The test tells a result from what is none.
func TestResultsAreSeen(t *testing.T) {
	for _, pkg := range typed(t, "./train") {
		got := returned(pkg)
		if !slices.Contains(got, "Trace") || slices.Contains(got, "Settings") {
			t.Errorf("returned by package train: %v", got)
		}
		if !has(pkg, "Trace", "String") || has(pkg, "Settings", "String") {
			t.Error("Trace has a String, Settings has none")
		}
	}
}

// typed returns the public packages with their types, from what the compiler has written of them.
func typed(t *testing.T, pattern string) []*types.Package {
	t.Helper()
	command := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export,DepOnly",
		pattern)
	command.Stderr = os.Stderr
	listed, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	exports, paths := map[string]string{}, []string{}
	for decoder := json.NewDecoder(strings.NewReader(string(listed))); ; {
		var one struct {
			ImportPath, Export string
			DepOnly            bool
		}
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[one.ImportPath] = one.Export
		if !one.DepOnly && !strings.Contains(one.ImportPath+"/", "/internal/") &&
			strings.Contains(one.ImportPath+"/", "/ntk/") {
			paths = append(paths, one.ImportPath)
		}
	}
	from := importer.ForCompiler(token.NewFileSet(), "gc",
		func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	var all []*types.Package
	for _, path := range paths {
		pkg, err := from.Import(path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, pkg)
	}
	return all
}

// returned are the exported structs with exported fields that functions and methods of the package
// return, by name.
func returned(pkg *types.Package) []string {
	var names []string
	add := func(f types.Object) {
		results := f.Type().(*types.Signature).Results()
		for i := range results.Len() {
			of := results.At(i).Type()
			if p, ok := of.(*types.Pointer); ok {
				of = p.Elem()
			}
			named, ok := of.(*types.Named)
			if !ok || named.Obj().Pkg() != pkg || !named.Obj().Exported() {
				continue
			}
			s, ok := named.Underlying().(*types.Struct)
			if ok && slices.ContainsFunc(slices.Collect(s.Fields()), (*types.Var).Exported) {
				names = append(names, named.Obj().Name())
			}
		}
	}
	for _, name := range pkg.Scope().Names() {
		switch object := pkg.Scope().Lookup(name).(type) {
		case *types.Func:
			if object.Exported() {
				add(object)
			}
		case *types.TypeName:
			methods := types.NewMethodSet(types.NewPointer(object.Type()))
			for i := range methods.Len() {
				if m := methods.At(i).Obj(); object.Exported() && m.Exported() {
					add(m)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// has tells whether values of the type, by themselves, have the method.
func has(pkg *types.Package, name, method string) bool {
	of := pkg.Scope().Lookup(name).Type()
	return types.NewMethodSet(of).Lookup(pkg, method) != nil ||
		types.NewMethodSet(types.NewPointer(of)).Lookup(pkg, method) != nil
}
