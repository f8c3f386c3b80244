package data

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Normalization maps raw features to what a kernel expects, ‖x‖² ≈ d. Means and
// deviations are those of the training part alone; MeanNorm and Sphere then scale
// the rows of each part by norms of its own.
type Normalization interface {
	// Normalize returns normalised copies of the n_train×d matrix train and
	// the n_test×d matrix test.
	Normalize(train, test *mat.Dense) (normTrain, normTest *mat.Dense, err error)
	// String names the normalisation, different for different settings.
	String() string
}

// zeroRowError reports a row that cannot be scaled to norm √d because all its
// features are zero after standardisation.
type zeroRowError struct {
	Part string // "training" or "test"
	Row  int    // 0-based row within the part
}

// Error implements error.
func (e *zeroRowError) Error() string {
	return fmt.Sprintf(
		"data: %s row %d (counted from 0 within the part) is zero after standardisation and has "+
			"no direction to scale to norm √d; leave the row out or use MeanNorm or Standardize",
		e.Part, e.Row)
}

// MeanNorm is the normalisation of the published experiments. With m and s the
// mean and the population standard deviation of all n_train·d values of the
// training part, z = (x − m)/s for both parts; then each part is scaled by its
// own mean row norm,
//
//	x̂_i = √d · z_i / ((1/n_P) Σ_{j∈P} ‖z_j‖),
//
// so the mean norm of the rows of each part is √d while single norms differ.
// Note that the scale of the test part comes from the test part's own rows,
// as published. It is an error when the training part is constant, or all of a
// part is zero after standardisation.
type MeanNorm struct{}

// String names the normalisation.
func (MeanNorm) String() string { return "mean row norm √d" }

// Normalize implements Normalization.
func (MeanNorm) Normalize(train, test *mat.Dense) (normTrain, normTest *mat.Dense, err error) {
	normTrain, normTest, err = standardizeScalar(train, test)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range parts(normTrain, normTest) {
		n, d := p.x.Dims()
		var mean float64
		for i := range n {
			mean += norm(p.x.RawRowView(i)) / float64(n)
		}
		if mean == 0 {
			return nil, nil, fmt.Errorf(
				"data: the whole %s part is zero after standardisation; its rows have no norm "+
					"to scale", p.name)
		}
		p.x.Scale(math.Sqrt(float64(d))/mean, p.x)
	}
	return finite(normTrain, normTest)
}

// Sphere puts every row on the sphere of radius √d, the domain on which a
// kernel is a function of the cosine alone: the features are standardised,
// then x̂_i = √d · z_i / ‖z_i‖. A row with z_i = 0 is an error.
type Sphere struct {
	// PerFeature standardises each feature by its own mean and standard
	// deviation, as Standardize does; false uses the mean and standard
	// deviation of all values of the training part, as MeanNorm does.
	PerFeature bool
}

// String names the normalisation.
func (s Sphere) String() string {
	if s.PerFeature {
		return "rows to norm √d, standardised per feature"
	}
	return "rows to norm √d"
}

// Normalize implements Normalization.
func (s Sphere) Normalize(train, test *mat.Dense) (normTrain, normTest *mat.Dense, err error) {
	if s.PerFeature {
		normTrain, normTest, err = Standardize{}.Normalize(train, test)
	} else {
		normTrain, normTest, err = standardizeScalar(train, test)
	}
	if err != nil {
		return nil, nil, err
	}
	return toSphere(normTrain, normTest)
}

// toSphere scales the rows to norm √d, in place.
func toSphere(train, test *mat.Dense) (normTrain, normTest *mat.Dense, err error) {
	for _, p := range parts(train, test) {
		n, d := p.x.Dims()
		for i := range n {
			row := p.x.RawRowView(i)
			length := norm(row)
			if length == 0 {
				return nil, nil, &zeroRowError{Part: p.name, Row: i}
			}
			floats.Scale(math.Sqrt(float64(d))/length, row)
		}
	}
	return finite(train, test)
}

// Standardize subtracts from each feature its mean over the training part and
// divides by its population standard deviation there,
//
//	x̂_ij = (x_ij − m_j) / s_j.
//
// A feature that is constant over the training part offers no scale; it is set
// to 0 in both parts. The mean of ‖x̂‖² over the training part is then the
// number of features that vary.
type Standardize struct{}

// String names the normalisation.
func (Standardize) String() string { return "standardised per feature" }

// Normalize implements Normalization.
func (Standardize) Normalize(train, test *mat.Dense) (normTrain, normTest *mat.Dense, err error) {
	if err := checkParts(train, test); err != nil {
		return nil, nil, err
	}
	normTrain, normTest = mat.DenseCopyOf(train), mat.DenseCopyOf(test)
	n, d := train.Dims()
	col := make([]float64, n)
	for j := range d {
		mat.Col(col, j, train)
		m, s, constant := moments(col)
		for _, p := range parts(normTrain, normTest) {
			rows, _ := p.x.Dims()
			for i := range rows {
				if constant {
					p.x.Set(i, j, 0)
				} else {
					p.x.Set(i, j, (p.x.At(i, j)-m)/s)
				}
			}
		}
	}
	return finite(normTrain, normTest)
}

// Unnormalized leaves the values as they are, x̂ = x: for data that is already
// normalised, such as bits written as ±1.
type Unnormalized struct{}

// String names the normalisation.
func (Unnormalized) String() string { return "as given" }

// Normalize implements Normalization.
func (Unnormalized) Normalize(train, test *mat.Dense) (normTrain, normTest *mat.Dense, err error) {
	if err := checkParts(train, test); err != nil {
		return nil, nil, err
	}
	return mat.DenseCopyOf(train), mat.DenseCopyOf(test), nil
}

type part struct {
	name string
	x    *mat.Dense
}

func parts(train, test *mat.Dense) [2]part {
	return [2]part{{"training", train}, {"test", test}}
}

func checkParts(train, test *mat.Dense) error {
	for _, p := range parts(train, test) {
		if p.x == nil {
			return fmt.Errorf("data: the %s part is empty", p.name)
		}
		n, d := p.x.Dims()
		if n == 0 || d == 0 { // as a view may be
			return fmt.Errorf("data: the %s part is empty, %d×%d", p.name, n, d)
		}
		for i := range n {
			for j, v := range p.x.RawRowView(i) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return &valueError{Dataset: p.name + " part", Row: i, Col: j, Value: v}
				}
			}
		}
	}
	_, d := train.Dims()
	if _, dt := test.Dims(); dt != d {
		return fmt.Errorf("data: the training part has %d features, the test part %d", d, dt)
	}
	return nil
}

func standardizeScalar(train, test *mat.Dense) (normTrain, normTest *mat.Dense, err error) {
	if err := checkParts(train, test); err != nil {
		return nil, nil, err
	}
	normTrain, normTest = mat.DenseCopyOf(train), mat.DenseCopyOf(test)
	// A copy is contiguous, so its backing slice holds the values alone.
	m, s, constant := moments(normTrain.RawMatrix().Data)
	if constant {
		return nil, nil, fmt.Errorf(
			"data: every value of the training part is %v; there is no standard deviation to "+
				"divide by", m)
	}
	for _, p := range parts(normTrain, normTest) {
		v := p.x.RawMatrix().Data
		for k := range v {
			v[k] = (v[k] - m) / s
		}
	}
	return normTrain, normTest, nil
}

// moments returns the mean and the population standard deviation of v. Whether
// v is constant is asked of the values themselves: rounding in the mean can
// leave a constant sample with a tiny deviation.
func moments(v []float64) (mean, std float64, constant bool) {
	constant = true
	for _, x := range v {
		mean += x / float64(len(v))
		constant = constant && x == v[0]
	}
	if constant {
		return v[0], 0, true
	}
	// Scaled by the largest deviation, squares neither overflow nor vanish.
	var largest float64
	for _, x := range v {
		largest = max(largest, math.Abs(x-mean))
	}
	var sum float64
	for _, x := range v {
		r := (x - mean) / largest
		sum += r * r / float64(len(v))
	}
	return mean, largest * math.Sqrt(sum), false
}

// norm is the Euclidean norm, also where squares would overflow or vanish. A long row is summed by
// parts: in one sum the rounding of hundreds of equal squares, as of an image's background, adds up
// and would leave rows beside the sphere that they are scaled to.
func norm(v []float64) float64 {
	const long, part = 512, 64
	if len(v) <= long {
		return floats.Norm(v, 2)
	}
	norms := make([]float64, 0, len(v)/part+1)
	for begin := 0; begin < len(v); begin += part {
		norms = append(norms, floats.Norm(v[begin:min(begin+part, len(v))], 2))
	}
	return floats.Norm(norms, 2)
}

// finite passes on the two parts unless normalising left the range of float64.
func finite(train, test *mat.Dense) (*mat.Dense, *mat.Dense, error) {
	if err := checkParts(train, test); err != nil {
		return nil, nil, fmt.Errorf(
			"data: the values are too large or too small to normalise in double precision: %w", err)
	}
	return train, test, nil
}
