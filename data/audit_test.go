package data

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/mat"
)

// audited is a set with all that an audit looks for: rows 0, 2 and 5 are equal, 2 with another
// label; 3 is zero, and so is 6 but for a sign; column 2 is constant in training, and in the test
// rows not.
func audited(t *testing.T) (*Dataset, Split) {
	t.Helper()
	ds, err := New("audited", mat.NewDense(8, 3, []float64{
		3, 4, 0,
		1, 0, 0,
		3, 4, 0,
		0, 0, 0,
		0, 6, 0,
		3, 4, 0,
		0, math.Copysign(0, -1), 0,
		2, 0, 1,
	}), []int{0, 0, 1, 1, 0, 0, 1, 2}, 4)
	if err != nil {
		t.Fatal(err)
	}
	return ds, Split{Train: []int{4, 2, 1, 0, 3}, Test: []int{7, 6, 5}}
}

func TestAudit(t *testing.T) {
	ds, split := audited(t)
	a, err := ds.Audit(split, nil)
	if err != nil {
		t.Fatal(err)
	}
	quartiles := func(p AuditPart) []float64 {
		return []float64{p.Norms[0], p.Norms[25], p.Norms[50], p.Norms[75], p.Norms[100]}
	}
	third := func(v ...float64) []float64 {
		for i := range v {
			v[i] /= 3
		}
		return v
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-14*math.Abs(a) })
	if diff := cmp.Diff(third(0, 1, 25, 25, 36), quartiles(a.Train), near); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(third(0, 2.5, 5, 15, 25), quartiles(a.Test), near); diff != "" {
		t.Error(diff)
	}
	a.Train.Norms, a.Test.Norms = nil, nil
	want := &Audit{
		Name: "audited", Normalization: "as given", Features: 3, Classes: 4,
		Train:  AuditPart{Rows: 5, ClassCounts: []int{3, 2, 0, 0}, Zero: 1, Repeated: 1, Shared: 3},
		Test:   AuditPart{Rows: 3, ClassCounts: []int{1, 1, 1, 0}, Zero: 1, Shared: 2},
		Radius: 5 / math.Sqrt(3), Duplicates: [][]int{{0, 2, 5}, {3, 6}}, Conflicting: 1,
		NearTolerance: 0.001, Constant: []int{2}, VaryInTest: []int{2},
	}
	if diff := cmp.Diff(want, a, near); diff != "" {
		t.Error(diff)
	}
	// What is not in the split counts for nothing, and a column can be constant in both parts.
	a, err = ds.Audit(Split{Train: []int{4, 1}, Test: []int{0}}, nil)
	if err != nil || len(a.Duplicates) != 0 || a.Test.Shared != 0 || a.VaryInTest != nil ||
		!slices.Equal(a.Constant, []int{2}) {
		t.Errorf("%+v, %v", a, err)
	}
}

// Norms are those of the rows after normalisation; rows that are equal are found even where their
// parts are scaled differently.
func TestAuditOfNormalizedRows(t *testing.T) {
	ds, split := audited(t)
	a, err := ds.Audit(split, MeanNorm{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(ds, split, MeanNorm{})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		p AuditPart
		x *mat.Dense
	}{{a.Train, p.XTrain}, {a.Test, p.XTest}} {
		var largest float64
		n, d := part.x.Dims()
		for i := range n {
			l := mat.Norm(part.x.RowView(i), 2)
			largest = max(largest, l*l/float64(d))
		}
		if math.Abs(part.p.Norms[100]-largest) > 1e-14*largest {
			t.Errorf("largest ‖x‖²/d is %v, want %v", part.p.Norms[100], largest)
		}
	}
	if a.Normalization != "mean row norm √d" || len(a.Duplicates) != 2 || a.Test.Shared != 2 {
		t.Errorf("%+v", a)
	}
	a, err = mustEmbedded("iris").Audit(*mustEmbedded("iris").Split, Sphere{})
	if err != nil || math.Abs(a.Radius-1) > 1e-15 || a.Train.Norms[100]-a.Train.Norms[0] > 1e-14 {
		t.Errorf("on the sphere: %+v, %v", a, err)
	}
}

// No other radius is nearer to the rows in the mean of |log(‖x‖/(r√d))|.
func TestAuditRadiusIsNearest(t *testing.T) {
	ds := Wine()
	a, err := ds.Audit(*ds.Split, Standardize{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(ds, *ds.Split, Standardize{})
	if err != nil {
		t.Fatal(err)
	}
	distance := func(r float64) (sum float64) {
		n, d := p.XTrain.Dims()
		for i := range n {
			l := mat.Norm(p.XTrain.RowView(i), 2)
			sum += math.Abs(math.Log(l / (r * math.Sqrt(float64(d)))))
		}
		return sum
	}
	least := distance(a.Radius)
	for r := a.Radius / 4; r < 4*a.Radius; r *= 1.001 {
		if distance(r) < least*(1-1e-12) {
			t.Fatalf("radius %v: %v, and %v at %v", a.Radius, least, distance(r), r)
		}
	}
}

// However rows are kept, an audit finds in them what comparing all pairs finds, also if all hashes
// were one.
func TestAuditComparesAllPairs(t *testing.T) {
	const n, d = 60, 3
	r := rand.New(rand.NewPCG(1, 2))
	bytes, single, double := make([]byte, n*d), make([]float32, n*d), make([]float64, n*d)
	labels := make([]int, n)
	for k := range bytes {
		bytes[k] = byte(r.IntN(3))
		single[k], double[k] = float32(bytes[k]), float64(bytes[k])
	}
	for i := range labels {
		labels[i] = r.IntN(2)
	}
	at := r.Perm(n)
	split := Split{Train: at[:35], Test: at[35:55]}
	same := func(i, j int) bool {
		return slices.Equal(double[i*d:(i+1)*d], double[j*d:(j+1)*d])
	}
	groups := map[int][]int{} // by their least row
	for _, i := range slices.Sorted(slices.Values(at[:55])) {
		first := i
		for j := range groups {
			if same(i, j) {
				first = j
			}
		}
		groups[first] = append(groups[first], i)
	}
	var want Audit
	for i := range n {
		if g := groups[i]; len(g) > 1 {
			want.Duplicates = append(want.Duplicates, g)
			if slices.ContainsFunc(g, func(j int) bool { return labels[j] != labels[i] }) {
				want.Conflicting++
			}
		}
	}
	if len(want.Duplicates) < 5 || want.Conflicting == 0 {
		t.Fatalf("the rows show too little: %+v", want)
	}
	number := func(rows, others []int) (repeated, shared int) {
		for k, i := range rows {
			if slices.ContainsFunc(rows[:k], func(j int) bool { return same(i, j) }) {
				repeated++
			}
			if slices.ContainsFunc(others, func(j int) bool { return same(i, j) }) {
				shared++
			}
		}
		return repeated, shared
	}
	want.Train.Repeated, want.Train.Shared = number(split.Train, split.Test)
	want.Test.Repeated, want.Test.Shared = number(split.Test, split.Train)
	pick := func(a *Audit) Audit {
		return Audit{Duplicates: a.Duplicates, Conflicting: a.Conflicting,
			Train: AuditPart{Repeated: a.Train.Repeated, Shared: a.Train.Shared},
			Test:  AuditPart{Repeated: a.Test.Repeated, Shared: a.Test.Shared}}
	}
	for _, ds := range []*Dataset{{X: mat.NewDense(n, d, double)}, {X32: single}, {Bytes: bytes}} {
		ds.Name, ds.Labels, ds.Classes = "pairs", labels, 2
		a, err := ds.Audit(split, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, pick(a)); diff != "" {
			t.Error(diff)
		}
		collide := &Audit{Features: d}
		collide.compare(ds, make([]uint64, 55), slices.Concat(split.Train, split.Test), 35)
		if diff := cmp.Diff(want, pick(collide)); diff != "" {
			t.Error(diff)
		}
	}
}

// dropsRow returns a row too few, which a normalisation must not.
type dropsRow struct{ Unnormalized }

func (dropsRow) Normalize(train, test *mat.Dense) (*mat.Dense, *mat.Dense, error) {
	_, d := train.Dims()
	return train, mat.NewDense(1, d, nil), nil
}

func TestAuditErrors(t *testing.T) {
	ds, split := audited(t)
	_, err := ds.Audit(Split{Train: []int{0}}, nil)
	wantError(t, err, "audited", "both parts need rows")
	_, err = ds.Audit(split, Sphere{PerFeature: true}) // row 3 is not the mean; column 2 goes
	if err != nil {
		t.Error(err)
	}
	_, err = ds.Audit(split, dropsRow{})
	wantError(t, err, "returned 6 rows for 5 and 3")
	ds.X.Set(6, 0, 1e200)
	_, err = ds.Audit(split, nil)
	wantError(t, err, "number 6 of the split is beyond the range of float64")
	ds.X.Set(6, 0, math.NaN())
	_, err = ds.Audit(split, nil)
	var value *valueError
	if !errors.As(err, &value) {
		t.Error(err)
	}
	zero, err := New("zero", mat.NewDense(3, 2, nil), []int{0, 1, 1}, 2)
	if err != nil {
		t.Fatal(err)
	}
	a, err := zero.Audit(Split{Train: []int{0, 1}, Test: []int{2}}, nil)
	if err != nil || a.Radius != 0 || a.Train.Zero != 2 || len(a.Constant) != 2 ||
		a.Conflicting != 1 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestFloat32(t *testing.T) {
	values := []float64{1, 2, 3, 255, 16777217, 0.1}
	labels := []int{0, 1, 0}
	for _, test := range []struct {
		ds   *Dataset
		want []float32
	}{
		{&Dataset{X: mat.NewDense(3, 2, values)}, []float32{16777216, 0.1, 1, 2}},
		{&Dataset{X32: []float32{1, 2, 3, 4, 5, 0.1}}, []float32{5, 0.1, 1, 2}},
		{&Dataset{Bytes: []byte{1, 2, 3, 255, 5, 6}}, []float32{5, 6, 1, 2}},
	} {
		ds := test.ds
		ds.Name, ds.Labels, ds.Classes = "f", labels, 2
		got, err := ds.Float32([]int{2, 0})
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%v, %v, want %v", got, err, test.want)
		}
		all, err := ds.Float32(nil)
		if err != nil || len(all) != 6 || all[0] != 1 || !slices.Equal(all[4:], test.want[:2]) {
			t.Errorf("%v, %v", all, err)
		}
		_, err = ds.Float32([]int{0, 3})
		wantError(t, err, "f: index 3 at position 1 is outside [0, 3)")
	}
	_, err := (&Dataset{Name: "f", X: mat.NewDense(1, 2, []float64{0, -1e39}), Labels: []int{0}}).
		Float32(nil)
	wantError(t, err, "X[0,1] is -1e+39, beyond the range of single precision")
	_, err = (&Dataset{Name: "f"}).Float32(nil)
	wantError(t, err, "in 0 of X, X32 and Bytes")
}
