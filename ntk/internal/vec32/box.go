package vec32

// Box is a convolution of rows of places, three by three with equal weights, with what follows it:
// [AddRows], [AddColumns] and [ArcCosine.Apply] in one, to the same bits, so that numbers are
// loaded and stored once. It needs [Wide].
//
// Window c of a row has the places c-1, c and c+1 of the sum of three rows or, with Before, c, c+1
// and c+2; those that are not there count as 0.
type Box struct {
	FromRows, FromColumns, Rows, Columns int

	Before bool
	// Table has the three rows that each row is made of, FromRows for one that is not there.
	Table []int32
	// What comes out is Scale times the sums plus Shift; of the tangent Scale times the sums plus
	// Own times what comes out of the covariance.
	Scale, Shift, Own float32
	// Duals, if not nil, are applied then. Variances of the first image are one for each place, of
	// row r from r·Stride on, of the others a place each.
	Duals  *ArcCosine
	Stride int
	// Zeros are as many places as there are Columns, and BoxRoom more.
	Zeros []float32
}

// BoxRoom is how many places slices for a [Box] need behind those of its rows, in their capacity.
const BoxRoom = 4

// Apply sets s2 and t2, of Rows×Columns places each, from s and t, of FromRows×FromColumns. A t of
// nil is 0; with a t2 of nil covariances alone are followed. The slices do not overlap. Places
// behind s2 and t2 may be written.
func (b *Box) Apply(s2, t2, s, t, x, y []float32) {
	if b.Rows == 0 || b.Columns == 0 {
		return
	}
	room := func(x []float32, places int) []float32 { return x[:(places+BoxRoom)*Together] }
	a := boxArgs{
		toS: &room(s2, b.Rows*b.Columns)[0], zeros: &room(b.Zeros, b.Columns)[Together],
		table: &b.Table[:3*b.Rows][0], rows: b.Rows, fromRows: b.FromRows, columns: b.Columns,
		stride: b.FromColumns * Together * 4, toStride: b.Columns * Together * 4,
		ahead: b.FromColumns,
		scale: b.Scale, shift: b.Shift, own: b.Own,
	}
	first := 0
	if b.Before {
		first, a.before = Together, 0xff00
		a.ahead--
	}
	from := max(0, b.FromRows-1)*b.FromColumns + max(b.FromColumns, b.Columns)
	a.s, a.t = &room(s, from)[first], a.zeros
	if t2 != nil {
		a.toT = &room(t2, b.Rows*b.Columns)[0]
		if t != nil {
			a.t, a.strideT = &room(t, from)[first], a.stride
		}
	}
	for _, i := range b.Table[:3*b.Rows] {
		if i < 0 || int(i) > b.FromRows {
			panic(noRow)
		}
	}
	at := 1 // so many places are worked on at once
	if wider {
		at = 2
	}
	const bytes = Together * 4 // of a place
	a.bytes = (b.Columns + at - 1) / at * (at * bytes)
	a.plain = max(0, min((a.ahead-at)/at, b.Columns/at)) * (at * bytes)
	if b.Duals != nil {
		last := (b.Rows-1)*b.Stride + b.Columns
		a.duals, a.x, a.y = b.Duals, &x[:last][0], &y[:last*Together][0]
		a.stepX, a.strideY = b.Stride*4-a.bytes/Together, b.Stride*Together*4
	}
	if wider {
		boxes512(&a)
		return
	}
	boxes(&a)
}

const noRow = "vec32: the table of a box names a row that is not there"

// boxArgs is read by the assembly. Strides, steps, bytes and plain are in bytes.
type boxArgs struct {
	toS, toT, s, t, zeros, x, y *float32

	duals *ArcCosine
	table *int32

	//lint:ignore U1000 the loop counts in it
	row int

	rows, fromRows, columns   int
	stride, strideT, toStride int
	stepX, strideY            int
	ahead                     int // columns of a row of s that are not before its beginning
	before                    int // the lanes of two places before it that are taken, or 0
	bytes                     int // of a row, in whole vectors
	plain                     int // of these, before those that an edge is near to
	scale, shift, own         float32
}
