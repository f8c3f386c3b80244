package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
)

// An input is a matrix that all sides read: kind says how its rows are drawn.
type input struct {
	kind string
	n, d int
	seed uint64
}

// name is that of its file, which holds little-endian numbers, row by row, and nothing else.
func (in input) name(kind string) string {
	return fmt.Sprintf("%s-%d-%d-%d.%s", in.kind, in.n, in.d, in.seed, kind)
}

// columns is how many numbers a row of the file has.
func (in input) columns() int {
	if in.kind == "parities" {
		return 1
	}
	return in.d
}

// rows calls write with each row. Kinds are "sphere", rows of norm √d; "norms", rows with norms
// from √d/3 to 3√d; "images", normal rows with variances that fall like those of photographs along
// a thousand and more directions, of norm √d in the mean; "uniform", entries of variance 1 around
// 0, such as pixels; "classes", one-hot labels; "parity", entries ±1; and "parities", the
// product of each row that "parity" has with the same seed.
func (in input) rows(write func(row []float64) error) error {
	r := rand.New(rand.NewPCG(in.seed, 2026))
	row := make([]float64, in.d)
	out := row
	if in.columns() != in.d {
		out = make([]float64, in.columns())
	}
	scale := make([]float64, in.d)
	total := 0.
	for j := range scale {
		scale[j] = math.Pow(1+float64(j), -0.65)
		total += scale[j] * scale[j]
	}
	for range in.n {
		sum := 0.
		for j := range row {
			row[j] = r.NormFloat64()
			switch in.kind {
			case "images":
				row[j] *= scale[j] * math.Sqrt(float64(in.d)/total)
			case "uniform":
				row[j] = math.Sqrt(12) * (r.Float64() - 0.5)
			case "classes":
				row[j] = 0
			case "parity", "parities":
				row[j] = math.Copysign(1, row[j])
			}
			sum += row[j] * row[j]
		}
		switch in.kind {
		case "sphere":
			multiply(row, math.Sqrt(float64(in.d)/sum))
		case "norms":
			multiply(row, math.Sqrt(float64(in.d)/sum)*math.Exp((2*r.Float64()-1)*math.Log(3)))
		case "classes":
			row[r.IntN(in.d)] = 1
		case "parities":
			out[0] = 1
			for _, v := range row {
				out[0] *= v
			}
		}
		if err := write(out); err != nil {
			return err
		}
	}
	return nil
}

func multiply(v []float64, factor float64) {
	for i := range v {
		v[i] *= factor
	}
}

// file returns the path of the input in the given type, in the folder, and makes it if it is not
// there.
func (in input) file(folder, kind string) (string, error) {
	path := filepath.Join(folder, in.name(kind))
	size := map[string]int64{"float32": 4, "float64": 8}[kind]
	if info, err := os.Stat(path); err == nil && info.Size() == size*int64(in.n*in.columns()) {
		return path, nil
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return "", err
	}
	return path, atomicfile.Write(path, func(w io.Writer) error {
		buffer := make([]byte, 0, 8*in.d)
		return in.rows(func(row []float64) error {
			buffer = buffer[:0]
			for _, v := range row {
				if kind == "float32" {
					buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(float32(v)))
				} else {
					buffer = binary.LittleEndian.AppendUint64(buffer, math.Float64bits(v))
				}
			}
			_, err := w.Write(buffer)
			return err
		})
	})
}

// read returns the numbers of a file of inputs.
func read[T float32 | float64](path string) ([]T, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var zero T
	v := make([]T, len(b)/binary.Size(zero))
	_, err = binary.Decode(b, binary.LittleEndian, v)
	return v, err
}
