package data

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/mat"
)

// raw returns the rows of x.
func raw(x *mat.Dense) [][]float64 {
	n, _ := x.Dims()
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = slices.Clone(x.RawRowView(i))
	}
	return rows
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not contain %q", err, p)
		}
	}
}

func TestNewCopies(t *testing.T) {
	values, labels := []float64{1, 2, 3, 4}, []int{0, 1}
	ds, err := New("own", mat.NewDense(2, 2, values), labels, 2)
	if err != nil {
		t.Fatal(err)
	}
	values[0], labels[0] = 9, 1
	if diff := cmp.Diff([][]float64{{1, 2}, {3, 4}}, raw(ds.X)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{0, 1}, ds.Labels); diff != "" {
		t.Error(diff)
	}
}

func TestNewErrors(t *testing.T) {
	x := mat.NewDense(2, 2, []float64{1, 2, 3, 4})
	for name, test := range map[string]struct {
		x       mat.Matrix
		labels  []int
		classes int
		want    string
	}{
		"nil":           {nil, nil, 2, "X is nil"},
		"nil dense":     {(*mat.Dense)(nil), nil, 2, "X is nil"},
		"empty":         {&mat.Dense{}, nil, 2, "0×0"},
		"few labels":    {x, []int{0}, 2, "1 labels for 2 rows"},
		"one class":     {x, []int{0, 0}, 1, "at least 2"},
		"negative":      {x, []int{0, 0}, -3, "at least 2"},
		"label":         {x, []int{0, 2}, 2, "label 2 of row 1"},
		"negative one":  {x, []int{-1, 0}, 2, "label -1 of row 0"},
		"NaN":           {mat.NewDense(1, 2, []float64{0, math.NaN()}), []int{0}, 2, "X[0,1]"},
		"infinite":      {mat.NewDense(2, 1, []float64{0, math.Inf(-1)}), []int{0, 0}, 2, "X[1,0]"},
		"transposed ok": {x.T(), []int{0, 1}, 2, ""},
	} {
		_, err := New(name, test.x, test.labels, test.classes)
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		wantError(t, err, test.want)
	}
	_, err := New("v", mat.NewDense(2, 1, []float64{0, math.Inf(1)}), []int{0, 0}, 2)
	var value *valueError
	if !errors.As(err, &value) || value.Row != 1 || value.Col != 0 {
		t.Errorf("%#v", err)
	}
	_, err = New("l", x, []int{0, 7}, 2)
	var label *labelError
	if !errors.As(err, &label) ||
		*label != (labelError{Dataset: "l", Row: 1, Label: 7, Classes: 2}) {
		t.Errorf("%#v", err)
	}
}

func TestValidateFields(t *testing.T) {
	for want, spoil := range map[string]func(*Dataset){
		"3 feature names": func(ds *Dataset) { ds.FeatureNames = ds.FeatureNames[:3] },
		"2 class names":   func(ds *Dataset) { ds.ClassNames = ds.ClassNames[:2] },
		"outside":         func(ds *Dataset) { ds.Split.Test[0] = 150 },
		"repeated":        func(ds *Dataset) { ds.Tuning.Train[1] = ds.Tuning.Train[0] },
		"fold 1":          func(ds *Dataset) { ds.Folds = []Split{*ds.Split, {}} },
		"without":         func(ds *Dataset) { ds.X = nil },
	} {
		ds := mustEmbedded("iris")
		spoil(ds)
		wantError(t, ds.Validate(), want)
	}
	var none *Dataset
	wantError(t, none.Validate(), "without")
}

func TestSubset(t *testing.T) {
	ds := mustEmbedded("iris")
	sub, err := ds.Subset([]int{149, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(
		[][]float64{{5.9, 3, 5.1, 1.8}, {5.1, 3.5, 1.4, .2}, {5.1, 3.5, 1.4, .2}}, raw(sub.X),
	); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{2, 0, 0}, sub.Labels); diff != "" {
		t.Error(diff)
	}
	if sub.Split != nil || sub.Tuning != nil || sub.Classes != 3 {
		t.Errorf("split %v, tuning %v, classes %d", sub.Split, sub.Tuning, sub.Classes)
	}
	sub.X.Set(1, 0, 99)
	if ds.X.At(0, 0) != 5.1 {
		t.Error("the subset shares its values with the dataset")
	}
	_, err = ds.Subset([]int{3, 150})
	wantError(t, err, "index 150 at position 1")
	_, err = ds.Subset(nil)
	wantError(t, err, "no rows")
}

func TestFingerprint(t *testing.T) {
	base := mustEmbedded("iris")
	print := base.Fingerprint()
	if again := mustEmbedded("iris").Fingerprint(); again != print {
		t.Error("two readings differ")
	}
	renamed := mustEmbedded("iris")
	renamed.Name = "other"
	if renamed.Fingerprint() != print {
		t.Error("the name enters")
	}
	// A matrix that is a window of a larger one has the same values elsewhere
	// in memory.
	wide := mat.NewDense(150, 9, nil)
	window := wide.Slice(0, 150, 3, 7).(*mat.Dense)
	window.Copy(base.X)
	strided := mustEmbedded("iris")
	strided.X = window
	if strided.Fingerprint() != print {
		t.Error("the stride enters")
	}
	for what, change := range map[string]func(*Dataset){
		"value":   func(ds *Dataset) { ds.X.Set(7, 2, math.Nextafter(ds.X.At(7, 2), 9)) },
		"label":   func(ds *Dataset) { ds.Labels[3] = 1 },
		"classes": func(ds *Dataset) { ds.Classes = 4 },
		"shape":   func(ds *Dataset) { ds.X = mat.NewDense(75, 8, ds.X.RawMatrix().Data) },
	} {
		ds := mustEmbedded("iris")
		change(ds)
		if ds.Fingerprint() == print {
			t.Errorf("a changed %s does not enter", what)
		}
	}
}

func TestStratifiedSplit(t *testing.T) {
	// 10, 5 and 1 rows: halves of 8, by class 5, 2.5 and 0.5: the lower class
	// of those with equal remainders gets the eighth.
	labels := slices.Concat(slices.Repeat([]int{0}, 10), slices.Repeat([]int{1}, 5), []int{2})
	ds, err := New("s", mat.NewDense(16, 1, nil), labels, 3)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(20) {
		s, err := ds.HalfSplit(seed)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(16); err != nil {
			t.Fatal(err)
		}
		if len(s.Train) != 8 || len(s.Test) != 8 || !slices.IsSorted(s.Train) ||
			!slices.IsSorted(s.Test) {
			t.Fatalf("%v", s)
		}
		sub, err := ds.Subset(s.Train)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{5, 3, 0}, sub.ClassCounts()); diff != "" {
			t.Fatal(diff)
		}
	}
	a, _ := ds.HalfSplit(1)
	b, _ := ds.HalfSplit(1)
	c, _ := ds.HalfSplit(2)
	if !cmp.Equal(a, b) || cmp.Equal(a, c) {
		t.Errorf("seed 1 %v, seed 1 %v, seed 2 %v", a, b, c)
	}
	odd, err := mustEmbedded("breast-cancer").HalfSplit(0)
	if err != nil || len(odd.Train) != 285 || len(odd.Test) != 284 {
		t.Errorf("%d and %d rows, %v", len(odd.Train), len(odd.Test), err)
	}
	for _, fraction := range []float64{0, 1, -1, 2, math.NaN(), .01} {
		if _, err := ds.StratifiedSplit(fraction, 1); err == nil {
			t.Errorf("fraction %v: no error", fraction)
		}
	}
}

// Every row is as likely as any other to be trained on: with p = 1/2 and N
// seeds the count has standard deviation √N/2; 5σ over 50 rows fails by chance
// in 3e-5 of all choices of seeds, and the seeds are fixed.
func TestHalfSplitIsUniform(t *testing.T) {
	ds, err := mustEmbedded("iris").Subset(indexRange(0, 50))
	if err != nil {
		t.Fatal(err)
	}
	const trials = 4000
	count := make([]int, 50)
	for seed := range uint64(trials) {
		s, err := ds.HalfSplit(seed)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range s.Train {
			count[i]++
		}
	}
	for i, c := range count {
		if dev := math.Abs(float64(c) - trials/2); dev > 5*math.Sqrt(trials)/2 {
			t.Errorf("row %d: %d times of %d", i, c, trials)
		}
	}
}

func TestSplitValidate(t *testing.T) {
	for want, s := range map[string]Split{
		"both parts need rows":                 {Train: []int{0}},
		"training index 3 at position 1":       {Train: []int{0, 3}, Test: []int{1}},
		"test index -1 at position 0":          {Train: []int{0}, Test: []int{-1}},
		"training index 1 at position 1 is re": {Train: []int{1, 1}, Test: []int{0}},
		"test index 2 at position 2 is re":     {Train: []int{0}, Test: []int{2, 1, 2}},
		"row 1 is in the training part and in": {Train: []int{0, 1}, Test: []int{2, 1}},
	} {
		wantError(t, s.Validate(3), want)
	}
	if err := (Split{Train: []int{2}, Test: []int{0}}).Validate(3); err != nil {
		t.Error(err)
	}
}

func TestOneHot(t *testing.T) {
	y, err := oneHot([]int{2, 0}, 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float64{{0, 0, 1}, {1, 0, 0}}, raw(y)); diff != "" {
		t.Error(diff)
	}
	_, err = oneHot([]int{0, 3}, 3)
	wantError(t, err, "label 3 of row 1")
	_, err = oneHot(nil, 3)
	wantError(t, err, "no labels")
	_, err = oneHot([]int{0}, 1)
	wantError(t, err, "at least 2")
}

func TestEmbedded(t *testing.T) {
	for name, test := range map[string]struct {
		sum, file string
		n, d      int
		counts    []int
		col       int
		mean      float64
		min, max  float64
		train     []int
	}{
		// Column statistics as the UCI pages and scikit-learn's descriptions
		// print them, to their last digit.
		"iris": {"f13ffa8fdd56fd8e6c8d16d4081a3fbd3114bcd0aae4256c43205169cd9d1449", "iris.csv",
			150, 4, []int{50, 50, 50}, 2, 3.76, 1.0, 6.9, []int{25, 25, 25}},
		"wine": {"10e8a802908b34f86e5da8ce962f3c806694bc98450a18f61851af59f324bede",
			"wine_data.csv",
			178, 13, []int{59, 71, 48}, 6, 2.03, 0.34, 5.08, []int{30, 35, 24}},
		"breast-cancer": {"fed3eb72d0575ef6192293f5093c6e801b1476b577d0386bf4455504522172ed",
			"breast_cancer.csv",
			569, 30, []int{212, 357}, 23, 880.58, 185.2, 4254, []int{106, 179}},
		// The counts of the test part as UCI prints them; the mean from the file by NumPy.
		"digits": {"09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22",
			"digits.csv.gz",
			1797, 64, []int{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}, 20, 7.10, 0, 16,
			[]int{89, 91, 89, 92, 91, 91, 90, 89, 87, 90}},
	} {
		ds, err := Embedded(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := ds.Provenance.SHA256[test.file]; got != test.sum {
			t.Errorf("%s: sha256 %s, want %s", name, got, test.sum)
		}
		n, d := ds.Dims()
		if n != test.n || d != test.d || !cmp.Equal(ds.ClassCounts(), test.counts) {
			t.Errorf("%s: %d×%d, classes %v", name, n, d, ds.ClassCounts())
		}
		col := mat.Col(nil, test.col, ds.X)
		mean, _, _ := moments(col)
		if math.Abs(mean-test.mean) > .005 || slices.Min(col) != test.min ||
			slices.Max(col) != test.max {
			t.Errorf("%s: column %d (%s): mean %v, %v to %v", name, test.col,
				ds.FeatureNames[test.col], mean, slices.Min(col), slices.Max(col))
		}
		train, err := ds.Subset(ds.Split.Train)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.train, train.ClassCounts()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if half, err := ds.HalfSplit(1); err != nil || !cmp.Equal(half, *ds.Split) {
			t.Errorf("%s: the split is not HalfSplit(1), %v", name, err)
		}
		if p := ds.Provenance; p.Source == "" || p.Licence == "" || p.Citation == "" {
			t.Errorf("%s: provenance %+v", name, p)
		}
		if err := ds.Validate(); err != nil {
			t.Error(err)
		}
	}
	if _, d := Wine().Dims(); d != 13 {
		t.Errorf("Wine has %d features", d)
	}
	if _, d := mustEmbedded("breast-cancer").Dims(); d != 30 {
		t.Errorf("BreastCancer has %d features", d)
	}
	if image := Digits().Image; image == nil || *image != (Image{8, 8, 1, "HWC"}) {
		t.Errorf("Digits are images %v", image)
	}
	_, err := Embedded("mnist")
	wantError(t, err, "mnist", strings.Join(EmbeddedNames(), ", "))
}

// The split is a part of what is published with a result, so it must not move
// when Go or this package changes.
func TestEmbeddedSplitIsFixed(t *testing.T) {
	// From the published PCG-DXSM recurrence with state 1·2⁶⁴ + 0.
	want := []int{0, 6, 7, 10, 11, 13, 14, 16, 17, 18, 20, 21}
	if diff := cmp.Diff(want, mustEmbedded("iris").Split.Train[:12]); diff != "" {
		t.Error(diff)
	}
}

// The same small images in the three forms that rows can have.
func images() (dense, single, bytes *Dataset) {
	raw := make([]byte, 4*12)
	for i := range raw {
		raw[i] = byte(5 * i)
	}
	x, x32 := mat.NewDense(4, 12, nil), make([]float32, len(raw))
	for i, v := range raw {
		x.Set(i/12, i%12, float64(v))
		x32[i] = float32(v)
	}
	shape := &Image{Height: 2, Width: 2, Channels: 3, Order: "CHW"}
	labels := []int{0, 1, 1, 0}
	return &Dataset{Name: "images", X: x, Labels: labels, Classes: 2, Image: shape},
		&Dataset{Name: "images", X32: x32, Labels: labels, Classes: 2, Image: shape},
		&Dataset{Name: "images", Bytes: raw, Labels: labels, Classes: 2, Image: shape}
}

func TestRowsInThreeForms(t *testing.T) {
	dense, single, bytes := images()
	split := Split{Train: []int{3, 0}, Test: []int{1, 2}}
	want, err := Prepare(dense, split, Standardize{})
	if err != nil {
		t.Fatal(err)
	}
	for _, ds := range []*Dataset{single, bytes} {
		if err := ds.Validate(); err != nil {
			t.Fatal(err)
		}
		if n, d := ds.Dims(); n != 4 || d != 12 || ds.Fingerprint() != dense.Fingerprint() {
			t.Errorf("%d×%d, or another fingerprint", n, d)
		}
		p, err := Prepare(ds, split, Standardize{})
		if err != nil || p.Fingerprint() != want.Fingerprint() {
			t.Errorf("prepared otherwise than in double precision: %v", err)
		}
		sub, err := ds.Subset([]int{2, 2, 1})
		if err != nil {
			t.Fatal(err)
		}
		if sub.X != nil || len(sub.X32)+len(sub.Bytes) != 36 || sub.Image == ds.Image ||
			*sub.Image != *ds.Image {
			t.Errorf("the subset is kept in another form: %+v", sub)
		}
		if diff := cmp.Diff(dense.X.RawRowView(1), sub.Row(2, make([]float64, 12))); diff != "" {
			t.Error(diff)
		}
		if err := sub.Validate(); err != nil {
			t.Error(err)
		}
	}
	// 60,000 images of 28×28 are 47 MB, not 376.
	large := &Dataset{Bytes: make([]byte, 60000*784), Labels: make([]int, 60000), Classes: 10,
		Image: &Image{Height: 28, Width: 28, Channels: 1, Order: "HWC"}}
	if allocated := testing.AllocsPerRun(1, func() {
		if err := large.Validate(); err != nil {
			t.Fatal(err)
		}
	}); allocated > 10 {
		t.Errorf("%v allocations to validate bytes", allocated)
	}
}

func TestBadImages(t *testing.T) {
	for says, change := range map[string]func(*Dataset){
		"2 of X, X32 and Bytes":        func(ds *Dataset) { ds.X32 = make([]float32, 48) },
		"without a feature matrix":     func(ds *Dataset) { ds.Bytes = nil },
		"47 numbers are not the rows":  func(ds *Dataset) { ds.Bytes = ds.Bytes[:47] },
		"are not rows of 12 numbers":   func(ds *Dataset) { ds.Image = &Image{2, 3, 1, "HWC"} },
		`is "WHC"; it must be HWC or`:  func(ds *Dataset) { ds.Image = &Image{2, 2, 3, "WHC"} },
		"2×-2 pixels with -3 channels": func(ds *Dataset) { ds.Image = &Image{2, -2, -3, "HWC"} },
		"1×3 pixels": func(ds *Dataset) {
			ds.Image = &Image{1, 3, 6148914691236517206, "CHW"} // the product is 2 mod 2⁶⁴
		},
		"48 numbers are not the rows of": func(ds *Dataset) { ds.Labels = nil },
	} {
		_, _, ds := images()
		change(ds)
		wantError(t, ds.Validate(), says)
	}
	_, ds, _ := images()
	ds.X32[13] = float32(math.Inf(1))
	wantError(t, ds.Validate(), "X[1,1]", "+Inf")
}
