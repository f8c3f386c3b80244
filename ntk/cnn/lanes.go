package cnn

// Loops over the lanes: at each place eight numbers lie together, of eight pairs of images.

// lanes is how many pairs of images are followed at once.
const lanes = 8

// vec is a number of each pair.
type vec[T float32 | float64] = [lanes]T

func at[T float32 | float64](x []T, i int) *vec[T] { return (*vec[T])(x[i*lanes:]) }

// addRows sets dst to the sum of rows of src, those of the table that are less than rows.
func addRows[T float32 | float64](dst, src []T, table []int32, rows int) {
	n, empty := len(dst), true
	for _, r := range table {
		if int(r) == rows {
			continue
		}
		from := src[int(r)*n:][:n]
		if empty {
			copy(dst, from)
			empty = false
			continue
		}
		for i, v := range from {
			dst[i] += v
		}
	}
	if empty {
		clear(dst)
	}
}

// addColumns sets place c of dst to add at c, or to shift if add is nil, and scale times the sum
// of the places of src that the table has at c·size to c·size+size-1. One place after the last of
// src is zero.
func addColumns[T float32 | float64](dst, src []T, table []int32, size int, scale T, shift T, add []T) {
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

// scatter adds the places of src to those of dst that to names: for place c those before ends[c].
func scatter[T float32 | float64](dst, src []T, to, ends []int32) {
	begin := int32(0)
	for c, end := range ends {
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

// gather sets dst to the scaled places of src that from names.
func gather[T float32 | float64](dst, src []T, from []int32, scale T) {
	for c, i := range from {
		to, v := at(dst, c), at(src, int(i))
		for l := range to {
			to[l] = scale * v[l]
		}
	}
}

// sumPlaces adds the sum of all places of src to sums.
func sumPlaces[T float32 | float64](sums *[lanes]float64, src []T) {
	var sum vec[T]
	for c := range len(src) / lanes {
		v := at(src, c)
		for l := range sum {
			sum[l] += v[l]
		}
	}
	for l, v := range sum {
		sums[l] += float64(v)
	}
}
