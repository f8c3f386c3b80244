package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Prepared is a Dataset after splitting and normalising: what a net or a
// kernel method is trained and tested on.
type Prepared struct {
	// Name is the Dataset's name, Normalization the normalisation's.
	Name, Normalization string
	// XTrain is n_train×d, XTest n_test×d, one sample a row.
	XTrain, XTest *mat.Dense
	// YTrain is n_train×Classes, YTest n_test×Classes: one-hot, 1 in the column of the label and
	// 0 elsewhere.
	YTrain, YTest *mat.Dense
	// LabelsTrain and LabelsTest hold the class of each row.
	LabelsTrain, LabelsTest []int
	// Classes is the number of classes.
	Classes int
	// Split holds the rows of the Dataset that the rows here came from.
	Split Split
}

// Problem returns the rows as what nets are trained on: it can be given wherever a train.Problem
// of package ntk/train is wanted, with the same four matrices, a one-hot target for each class.
func (p *Prepared) Problem() struct{ XTrain, YTrain, XTest, YTest *mat.Dense } {
	return struct{ XTrain, YTrain, XTest, YTest *mat.Dense }{
		p.XTrain, p.YTrain, p.XTest, p.YTest,
	}
}

// Prepare divides ds by split and normalises both parts; [Normalization] says what
// comes from the training part. ds stays as it is; the rows of the split, and no others, are taken
// in double precision. It returns an error when ds or
// split is invalid and those of the normalisation.
func Prepare(ds *Dataset, split Split, norm Normalization) (*Prepared, error) {
	if err := ds.Validate(); err != nil {
		return nil, err
	}
	n, _ := ds.Dims()
	if err := split.check(n); err != nil {
		return nil, fmt.Errorf("data: %s: %w", ds.Name, err)
	}
	if norm == nil {
		return nil, fmt.Errorf(
			"data: %s: no normalisation given; to leave the values as they are use Unnormalized{}",
			ds.Name)
	}
	p := &Prepared{
		Name:          ds.Name,
		Normalization: norm.String(),
		LabelsTrain:   selectLabels(ds.Labels, split.Train),
		LabelsTest:    selectLabels(ds.Labels, split.Test),
		Classes:       ds.Classes,
		Split:         Split{Train: slices.Clone(split.Train), Test: slices.Clone(split.Test)},
	}
	var err error
	if p.XTrain, p.XTest, err = norm.Normalize(
		ds.selectRows(split.Train), ds.selectRows(split.Test),
	); err != nil {
		return nil, fmt.Errorf("preparing %s: %w", ds.Name, err)
	}
	if p.YTrain, err = oneHot(p.LabelsTrain, p.Classes); err != nil {
		return nil, err
	}
	if p.YTest, err = oneHot(p.LabelsTest, p.Classes); err != nil {
		return nil, err
	}
	return p, nil
}

// Fingerprint returns the SHA-256 of the shapes, values and labels of both
// parts in hexadecimal, to be a part of the settings of a record.
func (p *Prepared) Fingerprint() string {
	h := sha256.New()
	hashMatrix(h, p.XTrain)
	hashMatrix(h, p.XTest)
	hashLabels(h, p.LabelsTrain, p.Classes)
	hashLabels(h, p.LabelsTest, p.Classes)
	return hex.EncodeToString(h.Sum(nil))
}

// oneHot returns the n×classes matrix with a 1 in the column of each row's
// label and 0 elsewhere. It returns an error when labels is empty or classes
// is less than 2, and when a label is outside [0, classes).
func oneHot(labels []int, classes int) (*mat.Dense, error) {
	if len(labels) == 0 {
		return nil, fmt.Errorf("data: one-hot matrix of no labels")
	}
	if err := checkLabels("", labels, classes); err != nil {
		return nil, err
	}
	y := mat.NewDense(len(labels), classes, nil)
	for i, l := range labels {
		y.Set(i, l, 1)
	}
	return y, nil
}
