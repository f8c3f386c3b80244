//go:build unix

package data

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/hostile"
)

func TestHostileTables(t *testing.T) {
	file := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	wide := []byte("@relation r\n" +
		"@attribute a {" + strings.Repeat("x", 1000) + "}\n@attribute c {u,v}\n@data\n")
	hostile.Reader{Name: "flowers.csv", Good: file("flowers.csv"), Loose: true,
		Read: func(path string) (any, error) { return ReadCSVFile(path, CSVSettings{}) },
		Bad: map[string][]byte{
			"zeros":             make([]byte, 1<<20),
			"one quote":         append([]byte("a,b\n\""), bytes.Repeat([]byte("x"), 1<<20)...),
			"commas":            bytes.Repeat([]byte(","), 1<<20),
			"empty lines":       bytes.Repeat([]byte("\n"), 1<<20),
			"compressed":        zipped(t, file("flowers.csv")),
			"numbers too large": []byte("a,b\n1e999,x\n1,y\n"),
		},
	}.Check(t)
	arff := ARFFSettings{OneHot: true, Drop: []string{"id"}}
	hostile.Reader{Name: "flowers.arff", Good: file("flowers.arff"), Loose: true,
		Read: func(path string) (any, error) { return ReadARFFFile(path, arff) },
		Bad: map[string][]byte{
			"zeros":       make([]byte, 1<<20),
			"no end":      append([]byte("@relation r\n@attribute a {"), make([]byte, 1<<20)...),
			"no samples":  wide,
			"far columns": append(bytes.Clone(wide), "{999999999999 1}\n{4294967296 1}\n"...),
			"compressed":  zipped(t, file("flowers.arff")),
		},
	}.Check(t)
}

// The files of a set of the collection, each in turn; with published check sums, and without.
func TestHostileJMLR(t *testing.T) {
	files := fixture(t, "tiny")
	dir := filepath.Join(hostile.Folder(t), "tiny")
	writeSet(t, dir, files)
	good, err := parseJMLR(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, published := range []bool{true, false} {
		for name, text := range files {
			bad := map[string][]byte{"zeros": make([]byte, 1<<20)}
			if name == "tiny.txt" {
				for _, key := range []string{"n_entradas", "n_clases", "n_patrons1"} {
					bad["many of "+key] = []byte(strings.Replace(text, key+"= ",
						key+"= 99999999999", 1))
				}
			}
			hostile.Reader{Name: name, Folder: dir, Good: []byte(text), Loose: !published,
				Read: func(string) (any, error) {
					r := newJMLRReader(os.DirFS(dir), dir, "tiny")
					if published {
						r.want = maps.Clone(good.Provenance.SHA256)
					}
					return r.parse()
				}, Bad: bad,
			}.Check(t)
			writeSet(t, dir, files)
		}
	}
}

// A file of a set of images, as it is and compressed.
func TestHostileImages(t *testing.T) {
	idxSet, idxFiles := smallSet()
	cifar, cifarFiles := smallCIFAR()
	zeros := zipped(t, make([]byte, 32<<20))
	for name, test := range map[string]struct {
		files map[string][]byte
		load  func() (*Dataset, error)
	}{
		"train-images": {idxFiles, func() (*Dataset, error) { return loadIDX(idxSet) }},
		"t10k-labels":  {idxFiles, func() (*Dataset, error) { return loadIDX(idxSet) }},
		"batch_2":      {cifarFiles, func() (*Dataset, error) { return loadCIFAR(cifar, 6) }},
		"test":         {cifarFiles, func() (*Dataset, error) { return loadCIFAR(cifar, 6) }},
	} {
		for _, ending := range []string{"", ".gz"} {
			dir, _ := places(t)
			for other, b := range test.files {
				if other != name {
					write(t, dir, other, b)
				}
			}
			good := test.files[name]
			bad := map[string][]byte{
				"claims": idx(nil, 1<<32-1, 1<<32-1, 1<<32-1),
				"bomb":   append(zipped(t, good), zeros...),
			}
			if ending != "" {
				good = zipped(t, good)
			}
			hostile.Reader{Name: name + ending, Folder: dir, Good: good, Bad: bad,
				Read: func(string) (any, error) { return test.load() }}.Check(t)
		}
	}
}
