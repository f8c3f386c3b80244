package imagesets

import (
	"encoding/hex"
	"strings"
	"testing"
)

// Sizes are those of the formats: an idx file has 4 bytes and 4 more for each dimension before its
// values, a record of CIFAR-10 a byte before its image.
func TestSetsAgreeWithTheirFormats(t *testing.T) {
	sums := map[string]string{}
	for _, s := range All {
		d := s.Height * s.Width * s.Channels
		var sizes []int
		switch {
		case s.Archive:
			for range len(s.Files) {
				sizes = append(sizes, s.TrainRows/(len(s.Files)-1)*(1+d))
			}
			if s.TestRows != s.TrainRows/(len(s.Files)-1) || len(s.Downloads) != 1 {
				t.Errorf("%s: %d test rows, %d archives", s.Name, s.TestRows, len(s.Downloads))
			}
		default:
			sizes = []int{16 + s.TrainRows*d, 8 + s.TrainRows, 16 + s.TestRows*d, 8 + s.TestRows}
			for i, f := range s.Downloads {
				if f.Name != s.Files[i].Name+".gz" {
					t.Errorf("%s: %s is published as %s", s.Name, s.Files[i].Name, f.Name)
				}
			}
		}
		for i, f := range s.Files {
			if f.Bytes != int64(sizes[i]) {
				t.Errorf("%s: %s has %d bytes, want %d", s.Name, f.Name, f.Bytes, sizes[i])
			}
		}
		for _, f := range append(s.Files[:len(s.Files):len(s.Files)], s.Downloads...) {
			b, err := hex.DecodeString(f.SHA256)
			if err != nil || len(b) != 32 || sums[f.SHA256] != "" {
				t.Errorf("%s: %s has the sum %q, as %s has", s.Name, f.Name, f.SHA256,
					sums[f.SHA256])
			}
			sums[f.SHA256] = s.Name + "/" + f.Name
		}
		for _, m := range s.Mirrors {
			if !strings.HasPrefix(m, "http") || !strings.HasSuffix(m, "/") {
				t.Errorf("%s: mirror %s", s.Name, m)
			}
		}
		if len(s.Mirrors) < 2 || len(s.Classes) != 10 || Named(s.Name) != s ||
			s.Source == "" || s.Licence == "" || s.Citation == "" {
			t.Errorf("%s: %+v", s.Name, s)
		}
	}
	if len(All) != 3 || Named("cifar-100") != nil {
		t.Errorf("%d sets", len(All))
	}
}
