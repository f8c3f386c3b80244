package device

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrt"
	"gonum.org/v1/gonum/mat"
)

// MostRows is the most training rows of [Device.Regress]: beyond it the entries of a matrix are
// more than 32 bits count, which was not tried.
const MostRows = 46_340

// Regress returns the predictions of kernel ridge regression, K(z, x) (K(x, x) + ridge)⁻¹ y, for
// test rows z (m×d), training rows x (n×d) and targets y (n×outputs), on a device and in double
// precision. All rows are on the sphere of norm √d, where the kernel is a curve over the cosine
// (see data.Sphere). The matrix is read from a table of that curve, the system solved by the
// device's Cholesky factorisation. The device has to hold several n×n matrices, the host none.
//
// Off the diagonal the kernel is within 1e-9 of K(1), a tenth of that for most kernels; of rows
// that are equal to 1e-8 or nearer it knows no difference. Package regress has more methods, and
// more digits.
//
// Errors: rows that are not on the sphere, sizes that do not go together, more than [MostRows],
// a ridge below 0, a curve that the table does not have to 1e-9, a matrix that is not positive
// definite, and those of the device. It is not interrupted on the way; the context is asked
// before.
func (d *Device) Regress(
	ctx context.Context, K ntk.Kernel, x ntk.Inputs[float64], y *mat.Dense,
	z ntk.Inputs[float64], ridge float64,
) (*mat.Dense, error) {
	r, err := newRegression(K, x, y, z, ridge)
	if err != nil {
		return nil, fmt.Errorf("device: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := r.run(d, d.turn())
	if err != nil {
		return nil, d.advise(err)
	}
	for _, v := range f {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("device: the kernel matrix of %d rows with the ridge %v is not "+
				"positive definite to rounding: a larger ridge is needed", r.n, ridge)
		}
	}
	return mat.NewDense(r.m, r.outputs, f), nil
}

// regression is one of n rows of d numbers on m rows.
type regression struct {
	n, m, d, outputs int
	x, y, z          []float64
	ridge, top       float64      // top is K(1)
	table            [4][]float64 // see tableOf
}

func newRegression(
	K ntk.Kernel, x ntk.Inputs[float64], y *mat.Dense, z ntk.Inputs[float64], ridge float64,
) (*regression, error) {
	if x.N < 1 || x.D < 1 || y == nil || y.IsEmpty() || z.N < 1 {
		return nil, errors.New("a regression needs training rows x, targets y and test rows z")
	}
	rows, outputs := y.Dims()
	r := &regression{
		n: x.N, m: z.N, d: x.D, outputs: outputs, x: x.Rows, z: z.Rows, ridge: ridge,
	}
	switch {
	case rows != x.N || z.D != x.D || len(x.Rows) != x.N*x.D || len(z.Rows) != z.N*z.D:
		return nil, fmt.Errorf("x is %d×%d in %d numbers, y has %d rows, and z is %d×%d in %d "+
			"numbers: they do not go together", x.N, x.D, len(x.Rows), rows, z.N, z.D, len(z.Rows))
	case r.n > MostRows || r.m > MostRows:
		return nil, fmt.Errorf("x has %d rows and z %d; at most %d are taken", r.n, r.m, MostRows)
	case !(ridge >= 0) || math.IsInf(ridge, 0):
		return nil, fmt.Errorf("the ridge is %v; it must be a finite number ≥ 0", ridge)
	}
	if err := errors.Join(onSphere(x, "x"), onSphere(z, "z")); err != nil {
		return nil, err
	}
	r.y = mat.DenseCopyOf(y).RawMatrix().Data
	for i, v := range r.y {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("y is %v in row %d, column %d", v, i/r.outputs, i%r.outputs)
		}
	}
	var err error
	r.table, r.top, err = tableOf(K)
	return r, err
}

// onSphere reports a row whose norm is not √d.
func onSphere(a ntk.Inputs[float64], name string) error {
	for i := range a.N {
		var square float64
		for _, v := range a.Rows[i*a.D : (i+1)*a.D] {
			square += v * v
		}
		if !(math.Abs(square/float64(a.D)-1) < 1e-9) {
			return fmt.Errorf("row %d of %s has the norm %v; it must be √%d", i, name,
				math.Sqrt(square), a.D)
		}
	}
	return nil
}

// cells is how many cubics the table has for the cosines of each sign.
const cells = 1024

// tableOf returns the curve of a kernel over s = √(1-|c|), of which kernels of activations with
// kinks are smooth functions too: for cell i of the cosines c ≥ 0, and cell cells+i of the others,
// the coefficients of the powers of the place between its ends. It also returns K(1).
func tableOf(K ntk.Kernel) (table [4][]float64, top float64, err error) {
	var cosines []float64
	for _, sign := range []float64{1, -1} {
		for i := range 3*cells + 1 {
			s := float64(i) / (3 * cells)
			cosines = append(cosines, sign*(1-s*s))
		}
	}
	places := len(cosines)
	for i := range 61 { // to try the table at
		cosines = append(cosines, math.Cos(math.Pi*(float64(i)+0.37)/61))
	}
	values, err := K.Curve(cosines)
	if err != nil {
		return table, 0, err
	}
	for side := range 2 {
		of := values[side*(3*cells+1):]
		for i := range cells {
			a, b, c, e := of[3*i], of[3*i+1], of[3*i+2], of[3*i+3]
			for k, v := range [4]float64{
				a, -5.5*a + 9*b - 4.5*c + e, 9*a - 22.5*b + 18*c - 4.5*e,
				4.5 * (e - 3*c + 3*b - a),
			} {
				table[k] = append(table[k], v)
			}
		}
	}
	top = values[0]
	for i, c := range cosines[places:] {
		if off := math.Abs(lookUp(table, c) - values[places+i]); !(off <= 1e-9*math.Abs(top)) {
			return table, 0, fmt.Errorf("the table of the kernel is off by %.1e at the cosine %v, "+
				"more than 1e-9 of K(1) = %v: the curve is too rough for it", off, c, top)
		}
	}
	return table, top, nil
}

// lookUp is what the program does with a cosine.
func lookUp(table [4][]float64, c float64) float64 {
	at := cells * math.Sqrt(1-math.Min(math.Abs(c), 1))
	i := min(int(at), cells-1)
	t := at - float64(i)
	if c < 0 {
		i += cells
	}
	return table[0][i] + t*(table[1][i]+t*(table[2][i]+t*table[3][i]))
}

// program writes the regression.
func (r *regression) program() string {
	var g program
	x, y := g.argument(double, 1, r.n, r.d), g.argument(double, 1, r.n, r.outputs)
	z := g.argument(double, 1, r.m, r.d)
	var table []tensor
	for range 4 {
		table = append(table, g.argument(double, 2*cells, 1))
	}
	diagonal := g.argument(double) // K(1) and the ridge
	same := []int{r.n, r.n}
	kernel := g.curve(g.product(x, 2, x, 2), float64(r.d), table)
	on := g.compare("EQ", g.numbersAlong(0, integer, same), g.numbersAlong(1, integer, same))
	kernel = g.choose(on, g.spread(diagonal, same), g.reshape(kernel, same...))
	factor := g.named(double, same)
	fmt.Fprintf(&g.text, "%s = stablehlo.cholesky %s, lower = true : %s\n", factor.name,
		kernel.name, factor)
	weights := g.reshape(y, r.n, r.outputs)
	for _, transposed := range []string{"NO_TRANSPOSE", "TRANSPOSE"} {
		out := g.named(double, weights.dimensions)
		fmt.Fprintf(&g.text, `%s = "stablehlo.triangular_solve"(%s, %s) <{left_side = true, `+
			"lower = true, unit_diagonal = false, transpose_a = #stablehlo<transpose %s>}> : "+
			"(%s, %s) -> %s\n", out.name, factor.name, weights.name, transposed, factor, weights,
			out)
		weights = out
	}
	cross := g.curve(g.product(z, 2, x, 2), float64(r.d), table)
	f := g.product(cross, 2, g.reshape(weights, 1, r.n, r.outputs), 1)
	return g.module([]tensor{f})
}

// curve is the kernel for inner products of rows of norm √d.
func (p *program) curve(products tensor, d float64, table []tensor) tensor {
	size := products.dimensions
	all := func(v float64) tensor { return p.constant(v, double, size...) }
	c := p.same("divide", products, all(d))
	rest := p.same("maximum", p.same("subtract", all(1), p.same("abs", c)), all(0))
	at := p.same("multiply", p.same("sqrt", rest), all(cells))
	cell := p.same("minimum", p.same("floor", at), all(cells-1))
	t := p.same("subtract", at, cell)
	negative := p.compare("LT", c, all(0))
	row := p.choose(negative, p.same("add", cell, all(cells)), cell)
	index := p.reshape(p.convert(row, integer), size[0]*size[1]*size[2])
	sum := all(0)
	for k := 3; k >= 0; k-- {
		entry := p.reshape(p.rows(table[k], index), size...)
		sum = p.same("add", p.same("multiply", sum, t), entry)
	}
	return sum
}

// run computes the predictions.
func (r *regression) run(d *Device, on *pjrt.Device) ([]float64, error) {
	program, err := d.compiled(r.program())
	if err != nil {
		return nil, err
	}
	var in, out pjrt.Buffers
	defer func() { in.Free(); out.Free() }()
	n, m, o := int64(r.n), int64(r.m), int64(r.outputs)
	in.Add(pjrt.Upload(on, r.x, 1, n, int64(r.d)))
	in.Add(pjrt.Upload(on, r.y, 1, n, o))
	in.Add(pjrt.Upload(on, r.z, 1, m, int64(r.d)))
	for _, of := range r.table {
		in.Add(pjrt.Upload(on, of, 2*cells, 1))
	}
	in.Add(pjrt.Upload(on, []float64{r.top + r.ridge}))
	if in.Err != nil {
		return nil, in.Err
	}
	if out.List, err = program.Run(on, in.List); err != nil {
		return nil, err
	}
	f := make([]float64, r.m*r.outputs)
	return f, pjrt.Download(out.List[0], f, 1, m, o)
}
