package train

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

// Any bytes are an error or a checkpoint that is written again as it was: also where the digests
// of header and arrays are right, as they are set here if asked for.
func FuzzReadCheckpoint(f *testing.F) {
	for _, arrays := range [][][]float32{nil, {{1, 2, 3}}, {{}, {0.5}, make([]float32, 100)}} {
		var b bytes.Buffer
		h := checkpointHeader{Identity: "run", Arrays: []int{}}
		for _, a := range arrays {
			h.Arrays = append(h.Arrays, len(a))
		}
		if err := writeCheckpoint(&b, h, arrays); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes(), false)
		f.Add(b.Bytes()[:b.Len()/2], true)
	}
	f.Add([]byte(checkpointMagic+"\xff\xff\xff\x0f\x00\x00\x00\x00{}"), true)
	f.Add([]byte(checkpointMagic+"\x02\x00\x00\x00\x00\x00\x00\x00{}"), true)
	f.Fuzz(func(t *testing.T, b []byte, mend bool) {
		if mend {
			b = mended(b)
		}
		r := bytes.NewReader(b)
		h, d, err := readHeader(r)
		if err != nil {
			return
		}
		var arrays [][]float32
		total := 0
		for _, n := range h.Arrays {
			if n < 0 || n > len(b) {
				n = 0
			}
			arrays = append(arrays, make([]float32, n))
			if total += n; total > len(b) {
				break
			}
		}
		if total > len(b) || len(arrays) > len(b) {
			return // checked against the net's own sizes before memory is taken
		}
		if readArrays(r, h, d, func(array, at int, v []float32) {
			copy(arrays[array][at:], v)
		}) != nil {
			return
		}
		var again bytes.Buffer
		if err := writeCheckpoint(&again, h, arrays); err != nil {
			t.Fatal(err)
		}
		second, _, err := readHeader(bytes.NewReader(again.Bytes()))
		if err != nil || !slices.Equal(h.Arrays, second.Arrays) || h.Identity != second.Identity {
			t.Errorf("header %+v, then %+v, %v", h, second, err)
		}
	})
}

// mended sets the digest of the header, so that what is behind it is looked at.
func mended(b []byte) []byte {
	const start = len(checkpointMagic) + 8
	if len(b) < start {
		return b
	}
	b = slices.Clone(b)
	length := binary.LittleEndian.Uint64(b[len(checkpointMagic):])
	if length > uint64(len(b)-start) {
		length = uint64(len(b) - start)
		binary.LittleEndian.PutUint64(b[len(checkpointMagic):], length)
	}
	header := b[start : start+int(length)]
	d := headerDigest(header)
	return slices.Concat(b[:start+int(length)], d[:], b[min(len(b), start+int(length)+len(d)):])
}

// Snapshots ascend and hold what was asked for, with nothing outside of it.
func FuzzLogSnapshots(f *testing.F) {
	f.Add(1025, 3, 7)
	f.Add(0, -1, 5)
	f.Add(-5, 0, 0)
	f.Add(math.MaxInt, 1, math.MaxInt)
	f.Fuzz(func(t *testing.T, epochs, first, second int) {
		got := LogSnapshots(epochs, first, second)
		asked := []int{0, epochs, first, second}
		for _, e := range asked {
			if !slices.Contains(got, e) {
				t.Errorf("LogSnapshots(%d, %d, %d) = %v has no %d", epochs, first, second, got, e)
			}
		}
		for i, e := range got {
			if e < slices.Min(asked) || e > slices.Max(asked) || i > 0 && e <= got[i-1] {
				t.Errorf("LogSnapshots(%d, %d, %d) = %v", epochs, first, second, got)
			}
		}
	})
}
