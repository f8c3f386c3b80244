package data

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/kernelsmith/kernelsmith/internal/jmlr"
	"github.com/kernelsmith/kernelsmith/internal/locate"
)

func TestParseJMLROneFile(t *testing.T) {
	ds, err := parseJMLR(filepath.Join("testdata", "jmlr", "tiny"))
	if err != nil {
		t.Fatal(err)
	}
	want := [][]float64{{-.5, 1e-3}, {0, 2}, {1.5, -2}, {.25, .75}, {3, 4}}
	if diff := cmp.Diff(want, raw(ds.X)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{0, 1, 2, 1, 0}, ds.Labels); diff != "" {
		t.Error(diff)
	}
	half := &Split{Train: []int{4, 0, 2}, Test: []int{1, 3}}
	if diff := cmp.Diff(half, ds.Split); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(half, ds.Tuning); diff != "" {
		t.Error(diff)
	}
	folds := []Split{
		{Train: []int{0, 1, 2, 3}, Test: []int{4}},
		{Train: []int{1, 2, 3, 4}, Test: []int{0}},
	}
	if diff := cmp.Diff(folds, ds.Folds); diff != "" {
		t.Error(diff)
	}
	if ds.Name != "tiny" || ds.Classes != 3 || !cmp.Equal(ds.FeatureNames, []string{"f1", "f2"}) {
		t.Errorf("%s, %d classes, features %v", ds.Name, ds.Classes, ds.FeatureNames)
	}
	if p := ds.Provenance; p.Citation == "" || p.Source == "" || p.Licence == "" ||
		len(p.SHA256) != 4 {
		t.Errorf("%+v", p)
	}
}

func TestParseJMLRTwoFiles(t *testing.T) {
	ds, err := parseJMLR(filepath.Join("testdata", "jmlr", "pair"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float64{{1}, {2}, {3}, {4}, {5}}, raw(ds.X)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{0, 1, 1, 0, 1}, ds.Labels); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(&Split{Train: []int{0, 1, 2}, Test: []int{3, 4}}, ds.Split); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(&Split{Train: []int{2, 0}, Test: []int{1}}, ds.Tuning); diff != "" {
		t.Error(diff)
	}
	if ds.Folds != nil {
		t.Errorf("folds %v", ds.Folds)
	}
}

// parseJMLR reads a set from a folder of its name, whatever its checksums.
func parseJMLR(dir string) (*Dataset, error) {
	return newJMLRReader(os.DirFS(dir), dir, filepath.Base(dir)).parse()
}

// fixture returns the files of a set of testdata/jmlr.
func fixture(t testing.TB, set string) map[string]string {
	t.Helper()
	dir := filepath.Join("testdata", "jmlr", set)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(b)
	}
	return files
}

func writeSet(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParseJMLRErrors(t *testing.T) {
	for _, test := range []struct{ file, old, new, want string }{
		{"tiny_R.dat", "5\t3\t4\t0\n", "", "tiny_R.dat: 4 rows where tiny.txt announces 5"},
		{"tiny_R.dat", "\t4\t0\n", "\t4", "tiny_R.dat:6: 3 fields where a row number, 2 " +
			"features and a class are due"},
		{"tiny_R.dat", "5\t3\t4\t0\n", "5\t3\t4\t0\n6\t3\t4\t0\n",
			"tiny_R.dat:7: more than the 5 rows"},
		{"tiny_R.dat", "1.5\t-2\t2", "1.5\t-2\t3",
			`tiny_R.dat:4:10: class "3" is not a whole number in [0, 3)`},
		{"tiny_R.dat", "1.5\t-2\t2", "1.5\t-2\t-1", `class "-1"`},
		{"tiny_R.dat", "1.5\t-2\t2", "1.5\tInf\t2", `tiny_R.dat:4:7: "Inf" is not a finite number`},
		{"tiny_R.dat", "1.5\t-2\t2", "1.5\tNaN\t2", `R.dat:4:7: the value is missing ("NaN")`},
		{"tiny_R.dat", "1.5\t-2\t2", "?\t-2\t2", `tiny_R.dat:4:3: the value is missing ("?")`},
		{"tiny_R.dat", "1.5\t-2\t2", "1.5\t-2\tNA", `R.dat:4:10: the class is missing ("NA")`},
		{"tiny_R.dat", "1.5\t-2\t2", "1,5\t-2\t2", `tiny_R.dat:4:3: "1,5" is not a finite number`},
		{"tiny_R.dat", "\tf1\tf2\tclase\n", "",
			"tiny_R.dat:1: the header names 4 columns where 2 features"},
		{"tiny_R.dat", "*", "", "0 rows"},
		{"tiny.txt", "n_entradas= 2", "n_entradas= 3", "header names 3 columns where 3 features"},
		{"tiny.txt", "n_entradas= 2\n", "", "tiny.txt: no line gives n_entradas"},
		{"tiny.txt", "n_clases= 3", "n_clases= 1",
			`tiny.txt:2: n_clases is "1", not a whole number of at least 2`},
		{"tiny.txt", "n_clases= 3", "n_clases= 2", `class "2" is not a whole number in [0, 2)`},
		{"tiny.txt", "n_clases= 3", "n_clases= 2000000000",
			"tiny.txt: n_clases is 2000000000, and there are 5 rows"},
		{"tiny.txt", "n_patrons1= 5", "n_patrons1= many", `tiny.txt:5: n_patrons1 is "many"`},
		{"tiny.txt", "n_patrons1= 5", "n_patrons1= 5\nn_patrons1= 5",
			"tiny.txt:6:1: \"n_patrons1\" is given again"},
		{"tiny.txt", "n_conxuntos= 1", "n_conxuntos", "tiny.txt:8:1: \"n_conxuntos\" has no key"},
		{"tiny.txt", "tiny_R.dat", "../tiny/tiny_R.dat", "not the name of a file beside this one"},
		{"tiny.txt", "n_arquivos= 1", "n_arquivos= 2", "n_arquivos is 2, and 1 files are named"},
		{"tiny.txt", "n_patrons_entrena= 3", "n_patrons_entrena= 4",
			"conxuntos.dat:1: 3 indices where tiny.txt says n_patrons_entrena= 4"},
		{"tiny.txt", "n_patrons_valida= 2", "n_patrons_valida= 4",
			"conxuntos.dat:2: 2 indices where tiny.txt says n_patrons_valida= 4"},
		{"tiny.txt", "n_conxuntos", "fich2= x\nn_conxuntos", "no line gives n_patrons2"},
		{"conxuntos.dat", "1 3", "1 " +
			"5", `conxuntos.dat:2:3: index "5" is not a whole number in [0, 5)`},
		{"conxuntos.dat", "1 3", "1 x", `conxuntos.dat:2:3: index "x"`},
		{"conxuntos.dat", "1 3", "1 0", "conxuntos.dat:2:3: index 0 is repeated"},
		{"conxuntos.dat", "4 0 2", "4 0 4", "conxuntos.dat:1:5: index 4 is repeated"},
		{"conxuntos.dat", "1 3", "1", "conxuntos.dat:2: row 3 is in neither of lines 1 and 2"},
		{"conxuntos.dat", "1 3 \n", "", "conxuntos.dat: 1 lines of indices"},
		{"conxuntos.dat", "1 3 \n", "1 3 \n4 0 2\n1 3\n", "4 lines where 2 are due"},
		{"conxuntos_kfold.dat", "0 \n", "", "conxuntos_kfold.dat: 3 lines of indices"},
		{"conxuntos_kfold.dat", "4 \n1", "3 \n1", "conxuntos_kfold.dat:2:1: index 3 is repeated"},
	} {
		files := fixture(t, "tiny")
		if test.old == "*" {
			files[test.file] = test.new
		} else {
			if !strings.Contains(files[test.file], test.old) {
				t.Fatalf("%s does not contain %q", test.file, test.old)
			}
			files[test.file] = strings.Replace(files[test.file], test.old, test.new, 1)
		}
		dir := filepath.Join(t.TempDir(), "tiny")
		writeSet(t, dir, files)
		_, err := parseJMLR(dir)
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, %q → %q: error %v; want %q", test.file, test.old, test.new, err,
				test.want)
		} else if !strings.HasPrefix(format.File, dir) {
			t.Errorf("the error does not name the file's folder: %v", err)
		}
	}
}

// A file of 100 GB, on the disk a few bytes, is refused before it is read.
func TestParseJMLROversized(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tiny")
	writeSet(t, dir, fixture(t, "tiny"))
	if err := os.Truncate(filepath.Join(dir, "tiny_R.dat"), 100<<30); err != nil {
		t.Fatal(err)
	}
	_, err := parseJMLR(dir)
	wantError(t, err, "tiny_R.dat: 107374182400 bytes, more than the 536870912 that are read")
}

func TestParseJMLRMissingFiles(t *testing.T) {
	for _, name := range []string{"tiny.txt", "tiny_R.dat", "conxuntos.dat"} {
		files := fixture(t, "tiny")
		delete(files, name)
		dir := filepath.Join(t.TempDir(), "tiny")
		writeSet(t, dir, files)
		_, err := parseJMLR(dir)
		wantError(t, err, filepath.Join(dir, name))
		if !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
	// Folds are optional, and so is the partition that is not announced.
	files := fixture(t, "tiny")
	delete(files, "conxuntos.dat")
	delete(files, "conxuntos_kfold.dat")
	files["tiny.txt"] = strings.NewReplacer("n_patrons_entrena= 3\n", "", "n_patrons_valida= 2\n",
		"").
		Replace(files["tiny.txt"])
	dir := filepath.Join(t.TempDir(), "tiny")
	writeSet(t, dir, files)
	ds, err := parseJMLR(dir)
	if err != nil {
		t.Fatal(err)
	}
	if ds.Split != nil || ds.Tuning != nil || ds.Folds != nil {
		t.Errorf("%v %v %v", ds.Split, ds.Tuning, ds.Folds)
	}
}

func TestJMLRChecksums(t *testing.T) {
	sets := jmlr.Sets()
	if len(sets) != 86 || !slices.IsSorted(sets) {
		t.Errorf("%d sets", len(sets))
	}
	for _, set := range sets {
		sums := jmlr.Checksums(set)
		files := slices.Sorted(maps.Keys(sums))
		want := []string{"conxuntos.dat", "conxuntos_kfold.dat", set + ".txt", set + "_R.dat"}
		slices.Sort(want)
		if !cmp.Equal(files, want) {
			t.Errorf("%s: %v", set, files)
		}
		for file, sum := range sums {
			if len(sum) != 64 || strings.Trim(sum, "0123456789abcdef") != "" {
				t.Errorf("%s/%s: %q", set, file, sum)
			}
		}
	}
	red := jmlr.Checksums("wine-quality-red")
	if red["wine-quality-red_R.dat"] !=
		"2de64251e82e5dc1c859aac89169e49f87abac0b1a8aa87d1adbfddc15237502" ||
		red["conxuntos.dat"] !=
			"26ffbc1e68807db0c6172bbb685486b194a8a17a60a356cc557458a498406730" {
		t.Errorf("%v", red)
	}
	if jmlr.Checksums("none") != nil {
		t.Error("checksums of an unknown set")
	}
}

func TestLoadJMLRPlaces(t *testing.T) {
	root := filepath.Join(t.TempDir(), "my data")
	cache := filepath.Join(t.TempDir(), "my cache")
	t.Setenv("KERNELSMITH_DATA", "")
	t.Setenv("KERNELSMITH_CACHE", cache)

	_, err := LoadJMLR("tiny", nil)
	var notFound *NotFoundError
	if !errors.As(err, &notFound) ||
		!cmp.Equal(notFound.Places, []string{filepath.Join(cache, "jmlr", "tiny")}) {
		t.Errorf("%#v", err)
	}
	wantError(t, err, "KERNELSMITH_DATA is not set", "make data", "check its spelling", cache)

	t.Setenv("KERNELSMITH_DATA", root)
	_, err = LoadJMLR("wine", nil)
	if !errors.As(err, &notFound) || len(notFound.Places) != 2 ||
		notFound.Places[0] != filepath.Join(root, "jmlr", "wine") {
		t.Errorf("%#v", err)
	}
	if strings.Contains(err.Error(), "spelling") || strings.Contains(err.Error(), "not set") {
		t.Error(err)
	}

	writeSet(t, filepath.Join(cache, "jmlr", "tiny"), fixture(t, "tiny"))
	ds, err := LoadJMLR("tiny", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(cache, "jmlr", "tiny"); ds.Provenance.Dir != want {
		t.Errorf("read from %s, want %s", ds.Provenance.Dir, want)
	}
	writeSet(t, filepath.Join(root, "jmlr", "tiny"), fixture(t, "tiny"))
	if ds, err = LoadJMLR("tiny", nil); err != nil ||
		ds.Provenance.Dir != filepath.Join(root, "jmlr", "tiny") {
		t.Errorf("read from %s, %v", ds.Provenance.Dir, err)
	}
	// A damaged set is an error although the cache has a good one.
	writeSet(t, filepath.Join(root, "jmlr", "tiny"), map[string]string{"tiny_R.dat": "x"})
	_, err = LoadJMLR("tiny", nil)
	wantError(t, err, root)

	for _, name := range []string{"", ".", "..", "../tiny", "a/b", `a\b`, "/tiny"} {
		_, err := LoadJMLR(name, nil)
		wantError(t, err, "is not the name of a set")
	}
	writeSet(t, filepath.Join(root, "jmlr"), map[string]string{"zoo": "a file"})
	_, err = LoadJMLR("zoo", nil)
	wantError(t, err, "is a file")
}

func TestFoundJMLR(t *testing.T) {
	root, cache := t.TempDir(), t.TempDir()
	t.Setenv("KERNELSMITH_DATA", root)
	t.Setenv("KERNELSMITH_CACHE", cache)
	if found, err := FoundJMLR(); err != nil || len(found) != 0 {
		t.Errorf("%v, %v in empty folders", found, err)
	}
	writeSet(t, filepath.Join(root, "jmlr", "tiny"), fixture(t, "tiny"))
	writeSet(t, filepath.Join(cache, "jmlr", "tiny"), fixture(t, "tiny"))
	writeSet(t, filepath.Join(cache, "jmlr", "pair"), fixture(t, "pair"))
	writeSet(t, filepath.Join(root, "jmlr"), map[string]string{"SETS.tsv": "a file"})
	writeSet(t, filepath.Join(root, "jmlr", ".partial"), map[string]string{"x": "no set"})
	writeSet(t, filepath.Join(cache, "jmlr", "zoo"), map[string]string{"zoo_R.dat": "damaged"})
	found, err := FoundJMLR()
	if diff := cmp.Diff([]string{"pair", "tiny", "zoo"}, found); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, set := range found {
		if _, err := jmlr.Find(set); err != nil {
			t.Error(err)
		}
	}
	writeSet(t, root, map[string]string{"plain": "a file"})
	t.Setenv("KERNELSMITH_DATA", filepath.Join(root, "plain"))
	_, err = FoundJMLR()
	wantError(t, err, "cannot list the sets", "plain")
}

func TestLoadJMLRAltered(t *testing.T) {
	// A set under the name of a published one, with other contents.
	root := t.TempDir()
	t.Setenv("KERNELSMITH_DATA", root)
	dir := filepath.Join(root, "jmlr", "zoo")
	files := make(map[string]string)
	for name, text := range fixture(t, "tiny") {
		files[strings.Replace(name, "tiny", "zoo", 1)] = strings.ReplaceAll(text, "tiny", "zoo")
	}
	writeSet(t, dir, files)
	_, err := LoadJMLR("zoo", nil)
	var sum *ChecksumError
	if !errors.As(err, &sum) {
		t.Fatalf("%v", err)
	}
	if sum.Want != jmlr.Checksums("zoo")["zoo.txt"] || sum.Got == sum.Want ||
		sum.File != filepath.Join(dir, "zoo.txt") {
		t.Errorf("%+v", sum)
	}
	wantError(t, err, sum.Want, sum.Got, sum.File, "AcceptAltered")

	ds, err := LoadJMLR("zoo", &LoadSettings{AcceptAltered: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(
		[]string{"zoo.txt", "zoo_R.dat", "conxuntos.dat", "conxuntos_kfold.dat"},
		ds.Provenance.Altered,
	); diff != "" {
		t.Error(diff)
	}
	// Published files that are not there are missing even so.
	if err := os.Remove(filepath.Join(dir, "conxuntos_kfold.dat")); err != nil {
		t.Fatal(err)
	}
	_, err = LoadJMLR("zoo", &LoadSettings{AcceptAltered: true})
	wantError(t, err, "conxuntos_kfold.dat")
}

func TestCacheDir(t *testing.T) {
	t.Setenv("KERNELSMITH_CACHE", "/some/where else")
	if dir, err := locate.CacheDir(); err != nil || dir != "/some/where else" {
		t.Errorf("%s, %v", dir, err)
	}
	t.Setenv("KERNELSMITH_CACHE", "")
	t.Setenv("HOME", "/home/someone")
	t.Setenv("XDG_CACHE_HOME", "")
	dir, err := locate.CacheDir()
	if err != nil || filepath.Base(dir) != "kernelsmith" ||
		!strings.HasPrefix(dir, "/home/someone") {
		t.Errorf("%s, %v", dir, err)
	}
	t.Setenv("HOME", "")
	_, err = locate.CacheDir()
	wantError(t, err, "KERNELSMITH_CACHE")
	// Data that is found does not need a cache.
	root := t.TempDir()
	t.Setenv("KERNELSMITH_DATA", root)
	writeSet(t, filepath.Join(root, "jmlr", "tiny"), fixture(t, "tiny"))
	if _, err := LoadJMLR("tiny", nil); err != nil {
		t.Error(err)
	}
}

func FuzzParseJMLR(f *testing.F) {
	for _, set := range []string{"tiny", "pair"} {
		files := fixture(f, set)
		table := files[set+"_R.dat"] + files[set+"_train_R.dat"]
		f.Add(strings.ReplaceAll(files[set+".txt"], set+"_train_R.dat", "set_R.dat"), table,
			files[set+"_test_R.dat"], files["conxuntos.dat"], files["conxuntos_kfold.dat"])
	}
	f.Fuzz(func(t *testing.T, info, first, second, halves, folds string) {
		fsys := fstest.MapFS{
			"set.txt": {
				Data: []byte(strings.ReplaceAll(info, "tiny_R.dat", "set_R.dat")),
			},
			"set_R.dat":           {Data: []byte(first)},
			"pair_test_R.dat":     {Data: []byte(second)},
			"conxuntos.dat":       {Data: []byte(halves)},
			"conxuntos_kfold.dat": {Data: []byte(folds)},
		}
		ds, err := newJMLRReader(fsys, "dir", "set").parse()
		if err != nil {
			return
		}
		if err := ds.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, s := range append(ds.Folds, *ds.Tuning, *ds.Split) {
			n, _ := ds.Dims()
			if k := len(s.Train) + len(s.Test); k > n {
				t.Fatalf("a split of %d of %d rows", k, n)
			}
		}
	})
}
