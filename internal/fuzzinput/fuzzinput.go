// Package fuzzinput makes numbers of the bytes that a fuzzer varies, for tests.
package fuzzinput

import (
	"encoding/binary"
	"math"
)

// Bytes returns the numbers in little-endian order, eight bytes each: a seed for a fuzzer.
func Bytes(v ...float64) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

// Numbers returns the numbers that Bytes wrote, at most so many. Any bytes have some: NaN, infinite
// and subnormal ones among them. Bytes that are left at the end are not looked at.
func Numbers(b []byte, most int) []float64 {
	v := make([]float64, min(len(b)/8, most))
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return v
}

// Within returns x if it is a number of at most that size, else another that is: the rest of x by
// the limit, or 0 for NaN and infinities. So every input of a fuzzer says something.
func Within(limit, x float64) float64 {
	if math.Abs(x) <= limit {
		return x
	}
	if x = math.Mod(x, limit); math.IsNaN(x) {
		return 0
	}
	return x
}
