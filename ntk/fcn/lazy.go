package fcn

import (
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/rows"
	"gonum.org/v1/gonum/mat"
)

// kernelChange returns ‖after - before‖/‖before‖ with Frobenius norms: 0 where the net
// is its linearisation throughout training (lazy), of order 1 where it learns
// features. The matrices have one shape and finite entries; before is not 0.
func kernelChange(before, after mat.Matrix) (float64, error) {
	d, err := compareKernels(before, after, "before", "after")
	if err != nil {
		return 0, err
	}
	if d.aa == 0 {
		return 0, fmt.Errorf("fcn: the kernel before is 0, which has no relative change")
	}
	return math.Sqrt(d.difference / d.aa), nil
}

// kernelCosine returns Σ a_ij b_ij/(‖a‖‖b‖): 1 for kernels that differ by a positive
// factor alone, which only rescales time. The matrices have one shape and finite
// entries and are not 0.
func kernelCosine(a, b mat.Matrix) (float64, error) {
	d, err := compareKernels(a, b, "a", "b")
	if err != nil {
		return 0, err
	}
	if d.aa == 0 || d.bb == 0 {
		return 0, fmt.Errorf("fcn: a kernel of zeros has no direction")
	}
	return math.Max(-1, math.Min(1, d.ab/math.Sqrt(d.aa)/math.Sqrt(d.bb))), nil
}

// centeredAlignment returns the cosine between the n×n kernel and y yᵀ for targets y, n×o,
// tr(yᵀ K y)/(‖K‖‖y yᵀ‖), when both have had their means over points subtracted: K becomes H K H
// with H = I - 11ᵀ/n, 1 the vector of ones, and y becomes H y. Constant parts of kernel and targets
// thus do not count.
//
// Source: Cortes, Mohri and Rostamizadeh 2012, "Algorithms for learning kernels based
// on centered alignment", def. 4.
func centeredAlignment(kernel mat.Matrix, y *mat.Dense) (float64, error) {
	if rows.Empty(y) {
		return 0, fmt.Errorf("fcn: no targets: a matrix with a row for each point is needed")
	}
	n, _ := y.Dims()
	if kernel == nil {
		return 0, fmt.Errorf("fcn: no kernel")
	}
	if r, c := kernel.Dims(); r != n || c != n {
		return 0, fmt.Errorf(
			"fcn: a kernel of %d×%d for %d targets; it must be square with a row for each", r, c, n)
	}
	k, t := mat.DenseCopyOf(kernel), mat.DenseCopyOf(y)
	centreColumns(t)
	centreColumns(k)
	k = mat.DenseCopyOf(k.T())
	centreColumns(k)
	var labels mat.Dense
	labels.Mul(t, t.T())
	d, err := compareKernels(k, &labels, "the kernel", "y yᵀ")
	if err != nil {
		return 0, err
	}
	// Rounding leaves 1e-16 of what centring subtracts.
	all, err := compareKernels(kernel, kernel, "the kernel", "the kernel")
	if err != nil {
		return 0, err
	}
	size := mat.Norm(y, 2)
	if d.aa <= 1e-26*all.aa || math.Sqrt(d.bb) <= 1e-13*size*size {
		return 0, fmt.Errorf(
			"fcn: the kernel or the targets are constant over the points: centred, nothing " +
				"is left to align")
	}
	return math.Max(-1, math.Min(1, d.ab/math.Sqrt(d.aa)/math.Sqrt(d.bb))), nil
}

func centreColumns(m *mat.Dense) {
	r, c := m.Dims()
	for j := range c {
		var mean float64
		for i := range r {
			mean += m.At(i, j) / float64(r)
		}
		for i := range r {
			m.Set(i, j, m.At(i, j)-mean)
		}
	}
}

// inner are the products of two matrices: Σ a², Σ b², Σ ab and Σ (a-b)².
type inner struct{ aa, bb, ab, difference float64 }

func compareKernels(a, b mat.Matrix, nameA, nameB string) (p inner, err error) {
	if a == nil || b == nil {
		return p, fmt.Errorf("fcn: two kernels are needed")
	}
	r, c := a.Dims()
	if rb, cb := b.Dims(); rb != r || cb != c {
		return p, fmt.Errorf("fcn: %s is %d×%d and %s %d×%d; they must be of the same points",
			nameA, r, c, nameB, rb, cb)
	}
	for i := range r {
		for j := range c {
			x, y := a.At(i, j), b.At(i, j)
			if math.IsNaN(x) || math.IsInf(x, 0) || math.IsNaN(y) || math.IsInf(y, 0) {
				return p, fmt.Errorf(
					"fcn: %s is %v and %s %v in row %d, column %d; they must be finite", nameA, x,
					nameB, y, i, j)
			}
			p.aa += x * x
			p.bb += y * y
			p.ab += x * y
			p.difference += (x - y) * (x - y)
		}
	}
	return p, nil
}

// Movement says how far training took a net from its linearisation at the start.
type Movement struct {
	// Before and After are the kernels on the points: Net.EmpiricalNTKMean.
	Before, After *mat.Dense
	// Change is ‖After - Before‖/‖Before‖. Cosine does not depend on
	// a common factor.
	Change, Cosine float64
	// AlignmentBefore and AlignmentAfter are with the targets, centred. They are 0 where the
	// targets are constant.
	AlignmentBefore, AlignmentAfter float64
	// NNGPChange is the change of Net.EmpiricalNNGP: of the features of the last hidden
	// layer.
	NNGPChange float64
	// ParamChange is ‖θ after - θ before‖/‖θ before‖ over the trained parameters.
	ParamChange float64
}

// String says how far the net moved, in a line.
func (m Movement) String() string {
	return fmt.Sprintf("kernel changed by %.2g of itself (cosine %.3g), features by %.2g, "+
		"parameters by %.2g; alignment with the targets from %.2g to %.2g", m.Change, m.Cosine,
		m.NNGPChange, m.ParamChange, m.AlignmentBefore, m.AlignmentAfter)
}

// Moved compares a net with itself at another time, before (of [Net.Clone]), on the
// points x (n×inputs) with targets y (n×outputs). The two must have the same
// architecture and sizes.
func (n *Net) Moved(before *Net, x, y *mat.Dense) (*Movement, error) {
	if err := n.comparable(before, x, y); err != nil {
		return nil, err
	}
	m := &Movement{ParamChange: n.paramChange(before)}
	var err error
	if m.Before, err = before.EmpiricalNTKMean(x, x); err != nil {
		return nil, err
	}
	if m.After, err = n.EmpiricalNTKMean(x, x); err != nil {
		return nil, err
	}
	if m.Change, err = kernelChange(m.Before, m.After); err != nil {
		return nil, err
	}
	if m.Cosine, err = kernelCosine(m.Before, m.After); err != nil {
		return nil, err
	}
	if !constantRows(y) {
		if m.AlignmentBefore, err = centeredAlignment(m.Before, y); err != nil {
			return nil, err
		}
		if m.AlignmentAfter, err = centeredAlignment(m.After, y); err != nil {
			return nil, err
		}
	}
	was, err := before.EmpiricalNNGP(x, x)
	if err != nil {
		return nil, err
	}
	is, err := n.EmpiricalNNGP(x, x)
	if err != nil {
		return nil, err
	}
	if m.NNGPChange, err = kernelChange(was, is); err != nil {
		return nil, err
	}
	return m, nil
}

// comparable returns an error if the two nets differ in architecture or size, or if points or
// targets have another shape than theirs.
func (n *Net) comparable(before *Net, x, y *mat.Dense) error {
	if before == nil {
		return fmt.Errorf("fcn: no net to compare with; make one with Clone before training")
	}
	a, b := before.config, n.config
	a.Seed, b.Seed = 0, 0
	if a != b || before.arch.Fingerprint() != n.arch.Fingerprint() {
		return fmt.Errorf("fcn: a %v %+v cannot be compared with a %v %+v", n.arch, n.config,
			before.arch, before.config)
	}
	rows, err := n.inputs(x, "x")
	if err != nil {
		return err
	}
	_, err = entries(y, "y", len(rows)/n.config.Inputs, n.config.Outputs)
	return err
}

// paramChange returns Movement.ParamChange, 0 if nothing is trained.
func (n *Net) paramChange(before *Net) float64 {
	var moved, size float64
	for i, l := range n.layers {
		if l.frozen {
			continue
		}
		for _, p := range [][2][]float32{{before.layers[i].w, l.w}, {before.layers[i].b, l.b}} {
			for j, v := range p[0] {
				d := float64(p[1][j]) - float64(v)
				moved += d * d
				size += float64(v) * float64(v)
			}
		}
	}
	if size == 0 {
		return 0
	}
	return math.Sqrt(moved / size)
}

func constantRows(y *mat.Dense) bool {
	r, _ := y.Dims()
	for i := range r {
		if !slices.Equal(y.RawRowView(i), y.RawRowView(0)) {
			return false
		}
	}
	return true
}

// Clone returns a net of the same architecture with a copy of the parameters: training one of
// the two leaves the other as it is.
func (n *Net) Clone() *Net {
	c := *n
	c.layers = slices.Clone(n.layers)
	for i := range c.layers {
		c.layers[i].w, c.layers[i].b = slices.Clone(c.layers[i].w), slices.Clone(c.layers[i].b)
	}
	return &c
}
