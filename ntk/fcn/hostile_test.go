//go:build unix

package fcn

import (
	"archive/zip"
	"bytes"
	"fmt"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/hostile"
	"github.com/kernelsmith/kernelsmith/ntk"
)

// claiming is an archive that is to have the arrays of a net of this width, of which it has the
// heads, compressed or not.
func claiming(t *testing.T, width int, method uint16) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, shape := range map[string][2]int{"layer0": {width, width}, "layer1": {1, width}} {
		head := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }\n",
			shape[0], shape[1])
		content := append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), 0)
		content = append(content, head...)
		size := uint64(len(content) + 4*shape[0]*shape[1])
		stored := append([]byte{1, byte(len(content)), 0, ^byte(len(content)), 255}, content...)
		if method == zip.Store {
			stored = content
		}
		entry, err := w.CreateRaw(&zip.FileHeader{Name: name + ".weight.npy", Method: method,
			CompressedSize64: uint64(len(stored)), UncompressedSize64: size})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(stored); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHostileNets(t *testing.T) {
	for name, arch := range map[string]*ntk.FCN{"one": nets["1HL ReLU"], "mixed": nets["mixed"]} {
		net := ntk.Must(New(arch, Config{Inputs: 3, Width: 4, Outputs: 2, Seed: 9}))
		hostile.Reader{Name: name + ".npz", Good: npzOf(t, net),
			Read: func(path string) (any, error) {
				n, err := Load(path, arch)
				if err != nil {
					return nil, err
				}
				return npzOf(t, n), nil
			},
			Bad: map[string][]byte{
				"4 TB stored":     claiming(t, 1e6, zip.Store),
				"4 TB compressed": claiming(t, 1e6, zip.Deflate),
				"40 GB":           claiming(t, 1e5, zip.Deflate),
			},
		}.Check(t)
	}
}
