package cnn

import (
	"bytes"
	"encoding/json"
	"fmt"
)

const (
	whiteningFormat  = "kernelsmith whitening"
	whiteningVersion = 1
)

// whiteningFile is a whitening as JSON.
type whiteningFile struct {
	Format    string        `json:"format"`
	Version   int           `json:"version"`
	Image     [3]int        `json:"image"` // height, width, channels
	Filter    [2]int        `json:"filter"`
	Stride    [2]int        `json:"stride"`
	Padding   Padding       `json:"padding"`
	Center    bool          `json:"center"`
	Normalize Normalization `json:"normalize"`
	Flat      bool          `json:"flat"`
	Key       string        `json:"fingerprint"`
	Mean      []float64     `json:"mean"`
	Matrix    []float64     `json:"matrix"` // row by row
}

// MarshalJSON returns the whitening as a JSON object with exact numbers, to be kept beside a net
// that was trained with it. The matrix is there row by row, q² numbers.
func (w *Whitening) MarshalJSON() ([]byte, error) {
	if w == nil || w.mean == nil {
		return nil, fmt.Errorf("cnn: a Whitening comes from FitWhitening; this one is empty")
	}
	return json.Marshal(whiteningFile{whiteningFormat, whiteningVersion,
		[3]int{w.image.Height, w.image.Width, w.image.Channels}, w.of.Filter, w.of.Stride,
		w.of.Padding, w.of.Center, w.of.Normalize, w.of.Flat, w.key, w.mean, w.matrix})
}

// UnmarshalJSON reads what MarshalJSON writes and nothing else: another format or version, fields
// that are unknown, and sizes that do not go together are errors, after which w is as it was.
func (w *Whitening) UnmarshalJSON(data []byte) error {
	var f whiteningFile
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return fmt.Errorf("cnn: the whitening: %w", err)
	}
	if f.Format != whiteningFormat || f.Version != whiteningVersion {
		return fmt.Errorf("cnn: format %q, version %d; this program reads %q, version %d", f.Format,
			f.Version, whiteningFormat, whiteningVersion)
	}
	out := Whitening{image: Image{Height: f.Image[0], Width: f.Image[1], Channels: f.Image[2]},
		of: Patches{Filter: f.Filter, Stride: f.Stride, Padding: f.Padding, Center: f.Center,
			Normalize: f.Normalize, Flat: f.Flat},
		mean: f.Mean, matrix: f.Matrix, key: f.Key}
	if err := out.image.check(); err != nil {
		return fmt.Errorf("cnn: the whitening: %w", err)
	}
	e, err := newExtraction(out.of, out.image)
	if err != nil {
		return fmt.Errorf("cnn: the whitening: patches, %w", err)
	}
	if out.of != out.of.asFitted() || f.Key == "" {
		return fmt.Errorf("cnn: the whitening is not as MarshalJSON writes it")
	}
	q := e.entries()
	if len(f.Mean) != q || len(f.Matrix) != q*q {
		return fmt.Errorf("cnn: the whitening has a mean of %d numbers and a matrix of %d; "+
			"patches of %d entries have %d and %d", len(f.Mean), len(f.Matrix), q, q, q*q)
	}
	for i, v := range f.Matrix {
		if v != f.Matrix[i%q*q+i/q] {
			return fmt.Errorf("cnn: the whitening's matrix is not symmetric in row %d, column %d",
				i/q, i%q)
		}
	}
	out.measure()
	*w = out
	return nil
}
