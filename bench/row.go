package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
)

// The sides, by the names that results have for them.
const (
	kernelsmith    = "Kernelsmith"
	neuralTangents = "neural-tangents"
	scientific     = "NumPy, SciPy" // and scikit-learn, whose rows name it
	pytorch        = "PyTorch"
)

var peers = []string{neuralTangents, scientific, pytorch}

// A row is one line of the table: an operation on inputs, measured on Kernelsmith's side and on
// those of its peers.
type row struct {
	ID, Group, Title string
	Op               string
	Args             arguments
	X, Y, Z          input // those that the operation has files of
	Peers            []string
	// Own has the sizes N of sides that get others than Args.N, because they are slower by so
	// much; Per then says what the time is divided by, from a side's N.
	Own  map[string]int
	Per  func(n int) float64 `json:"-"`
	Unit string              // of what is measured: "s", or "ms" and what that is of
	// Lacks says of peers without this operation why it is not there.
	Lacks map[string]string
	// Tolerance is how far results may differ, of the largest number that is compared, and Why
	// says where that is from.
	Tolerance float64
	Why       string
	// Products are the multiplications and additions that no method can do without in the form of
	// matrix products, and Traffic the bytes that must be moved: the hardware's limit.
	Products, Traffic float64
	Repetitions       int
	// Alone says that each side is measured by itself, and its process ended before the next one.
	Alone bool `json:",omitzero"`
	// Value says that what is compared is the first of the numbers, an error, in place of times.
	Value bool
	// Note is for the page.
	Note string
}

// key changes when what is measured does.
func (r *row) key() string {
	plain := *r
	plain.Note = ""
	b, err := json.Marshal(&plain)
	if err != nil {
		panic(err)
	}
	b = fmt.Append(b, r.X, r.Y, r.Z)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// seconds turns what a side with the size n measured into the unit of the row.
func (r *row) inUnit(seconds float64, n int) float64 {
	if r.Per != nil {
		return 1e3 * seconds / r.Per(n)
	}
	return seconds
}

// sizes says how large the rows are: as published, or a twentieth of that for a try.
type sizes struct {
	small  bool
	memory float64 // of the machine, in bytes
}

// n returns a number of points.
func (s sizes) n(full int) int {
	if s.small {
		return max(full/20, 40)
	}
	return full
}

func bits(kind string) float64 {
	if kind == "float32" {
		return 4
	}
	return 8
}

// precision names a type for people.
func precision(kind string) string {
	if kind == "float32" {
		return "single"
	}
	return "double"
}

// paperNet is the net of four hidden layers of the paper, with another activation perhaps.
func paperNet(phi string) *net {
	return &net{Phi: phi, Depth: 4, WeightStd: math.Sqrt2, BiasStd: 0.1}
}

// allRows is the table.
func allRows(s sizes) []*row {
	var rows []*row
	for _, group := range []func(sizes) []*row{gramRows, convRows, regressionRows,
		predictionRows, netRows, designRows, startRows, accuracyRows} {
		rows = append(rows, group(s)...)
	}
	return rows
}
