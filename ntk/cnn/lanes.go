package cnn

import "github.com/kernelsmith/kernelsmith/ntk/internal/vec32"

// Loops over the lanes: at each place eight numbers lie together, of eight pairs of images. In
// single precision they are those of package vec32.

// lanes is how many pairs of images are followed at once.
const lanes = vec32.Together

// single returns x if it is in single precision, else nil.
func single[T float32 | float64](x []T) []float32 {
	s, _ := any(x).([]float32)
	return s
}

// vec is a number of each pair.
type vec[T float32 | float64] = [lanes]T

func at[T float32 | float64](x []T, i int) *vec[T] { return (*vec[T])(x[i*lanes:]) }

// addRows sets dst to the sum of rows of src, those of the table that are less than rows.
func addRows[T float32 | float64](dst, src []T, table []int32, rows int) {
	n, done := len(dst), 0
	row := func(r int32) []T { return src[int(r)*n:][:n] }
	if d := single(dst); d != nil && len(table) > 2 &&
		max(table[0], table[1], table[2]) < int32(rows) {
		vec32.AddRows(d, single(row(table[0])), single(row(table[1])), single(row(table[2])))
		done, table = 3, table[3:]
	}
	for _, r := range table {
		switch {
		case int(r) == rows:
			continue
		case done == 0:
			copy(dst, row(r))
		default:
			addTo(dst, row(r))
		}
		done++
	}
	if done == 0 {
		clear(dst)
	}
}

func addTo[T float32 | float64](dst, src []T) {
	if d := single(dst); d != nil {
		vec32.AddScaled(d, 1, single(src))
		return
	}
	for i, v := range src {
		dst[i] += v
	}
}

// addColumns sets place c of dst to add at c, or to shift if add is nil, and scale times the sum
// of the places of src that the table has at c·size to c·size+size-1. One place after the last of
// src is zero.
func addColumns[T float32 | float64](
	dst, src []T, table []int32, size int, scale, shift T, add []T,
) {
	if d := single(dst); d != nil {
		vec32.AddColumns(d, single(src), table, size, float32(scale), float32(shift), single(add))
		return
	}
	for c := range len(dst) / lanes {
		var sum vec[T]
		for _, i := range table[c*size : c*size+size] {
			v := at(src, int(i))
			for l := range sum {
				sum[l] += v[l]
			}
		}
		to := at(dst, c)
		if add == nil {
			for l, v := range sum {
				to[l] = shift + scale*v
			}
			continue
		}
		more := at(add, c)
		for l, v := range sum {
			to[l] = more[l] + scale*v
		}
	}
}

// products sets dst to the scaled inner products of pixels of one image with those of eight.
func products[T float32 | float64](dst, x, y []T, channels int, scale T) {
	if d := single(dst); d != nil {
		vec32.Products(d, single(x), single(y), channels, float32(scale))
		return
	}
	for p := range len(dst) / lanes {
		var sum vec[T]
		for c, v := range x[p*channels : (p+1)*channels] {
			w := at(y, p*channels+c)
			for l := range sum {
				sum[l] += v * w[l]
			}
		}
		to := at(dst, p)
		for l, v := range sum {
			to[l] = scale * v
		}
	}
}

// scatter adds the places of rows a and b, which may be nil, to those of dst that to names: one for
// each or, if ends is not nil, for place c those before ends[c].
func scatter[T float32 | float64](dst, a, b []T, to, ends []int32) {
	if d := single(dst); d != nil && ends == nil {
		vec32.Scatter(d, single(a), single(b), to)
		return
	}
	for _, src := range [][]T{a, b} {
		begin := 0
		for c := range len(src) / lanes {
			end := c + 1
			if ends != nil {
				end = int(ends[c])
			}
			v := at(src, c)
			for _, i := range to[begin:end] {
				sum := at(dst, int(i))
				for l := range sum {
					sum[l] += v[l]
				}
			}
			begin = end
		}
	}
}

// gather sets dst to the scaled places of src that from names.
func gather[T float32 | float64](dst, src []T, from []int32, scale T) {
	if d := single(dst); d != nil {
		vec32.Gather(d, single(src), from, float32(scale))
		return
	}
	for c, i := range from {
		to, v := at(dst, c), at(src, int(i))
		for l := range to {
			to[l] = scale * v[l]
		}
	}
}

// sumPlaces adds the sums of all places of src, of rows of so many columns, to sums.
func sumPlaces[T float32 | float64](sums *[lanes]float64, src []T, columns int) {
	if d := single(src); d != nil {
		vec32.AddSums(sums, d, columns)
		return
	}
	for begin := 0; begin < len(src); begin += columns * lanes {
		var sum vec[T]
		for c := range columns {
			for l, v := range at(src[begin:], c) {
				sum[l] += v
			}
		}
		for l, v := range sum {
			sums[l] += float64(v)
		}
	}
}
