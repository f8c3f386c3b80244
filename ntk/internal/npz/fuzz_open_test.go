package npz_test

import (
	"archive/zip"
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/internal/npz"
)

// zipOf is an archive of one array of raw bytes, with right check sums: so a fuzzer comes to what
// is behind them.
func zipOf(t testing.TB, name string, content []byte, method uint16) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	entry, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
	if err != nil {
		return nil
	}
	if _, err := entry.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		return nil
	}
	return b.Bytes()
}

// An archive of any array is an error or has the numbers that are in it.
func FuzzArray(f *testing.F) {
	head := func(text string) []byte {
		b := append([]byte("\x93NUMPY\x01\x00"), byte(len(text)), byte(len(text)>>8))
		return append(b, text...)
	}
	f.Add("a.npy", append(head("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"),
		0, 0, 128, 63, 0, 0, 0, 64), 2, 0)
	f.Add("a.npy", append(head("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }\n"),
		0, 0, 128, 63, 0, 0, 192, 127), 1, 2)
	f.Add("a.npy", head("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }\n"), 2, 0)
	f.Add("a.npy", head("{'descr': '<f4', 'fortran_order': False, "+
		"'shape': (99999999999999999999, 3), }\n"), 3, 0)
	f.Add("a.npy", head("{'descr': '<f4', 'fortran_order': False, "+
		"'shape': (2147483647, 2147483647), }\n"), math.MaxInt32, math.MaxInt32)
	f.Add("architecture.npy", head("{'descr': '<U1', 'fortran_order': False, 'shape': (), }\n"),
		0, 0)
	f.Fuzz(func(t *testing.T, name string, content []byte, rows, columns int) {
		b := zipOf(t, name, content, zip.Store)
		if b == nil {
			return // no name of an entry
		}
		file, err := npz.Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		var description any
		file.Take(&description)
		shape := []int{rows}
		if columns > 0 {
			shape = append(shape, columns)
		}
		for name, e := range file {
			if !slices.Equal(e.Shape, shape) {
				continue
			}
			n := 1
			for _, s := range shape {
				if s < 0 || s > 1<<16 {
					return // checked against the net before memory is taken
				}
				n *= s
			}
			if n > len(content) {
				continue
			}
			a := npz.Array{Name: name, Shape: shape, Values: make([]float32, n)}
			if e.Read(a) != nil {
				continue
			}
			for _, v := range a.Values {
				if v != v || math.IsInf(float64(v), 0) {
					t.Errorf("%s has %v and no error", name, a.Values)
				}
			}
			if 4*n >= len(content) {
				t.Errorf("%d numbers from %d bytes", n, len(content))
			}
		}
	})
}
