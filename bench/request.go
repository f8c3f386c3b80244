package main

import (
	"fmt"
	"math"
)

// A net is what both sides build: hidden layers of one activation, and the readout 1 and 0.
type net struct {
	// Phi is "relu", "erf", "gelu", "sine" for ½ sin 6z, or "own" for tanh by its values.
	Phi       string  `json:"phi"`
	Depth     int     `json:"depth"`
	WeightStd float64 `json:"weight_std"`
	BiasStd   float64 `json:"bias_std"`
}

// Arguments are those of an operation. What an operation has no use for is left out.
type arguments struct {
	X          string    `json:"x,omitempty"` // files of inputs
	Y          string    `json:"y,omitempty"`
	Z          string    `json:"z,omitempty"`
	N          int       `json:"n,omitempty"`
	M          int       `json:"m,omitempty"`
	D          int       `json:"d,omitempty"`
	Outputs    int       `json:"outputs,omitempty"`
	Type       string    `json:"type,omitempty"` // "float32" or "float64"
	Net        *net      `json:"net,omitempty"`
	Side       int       `json:"side,omitempty"`    // of images, in pixels
	Readout    string    `json:"readout,omitempty"` // "flatten", "average" or "myrtle"
	Ridge      float64   `json:"ridge,omitempty"`
	Length     float64   `json:"length,omitempty"`
	Times      []float64 `json:"times,omitempty"`
	File       string    `json:"file,omitempty"` // of a net's parameters
	Files      []string  `json:"files,omitempty"`
	Trials     int       `json:"trials,omitempty"`
	Width      int       `json:"width,omitempty"`
	Steps      int       `json:"steps,omitempty"`
	Rate       float64   `json:"rate,omitempty"`
	Cosines    []float64 `json:"cosines,omitempty"`
	References []float64 `json:"references,omitempty"`
	Degree     int       `json:"degree,omitempty"`
	Library    string    `json:"library"`
	Method     string    `json:"method,omitempty"`
	Cold       bool      `json:"cold,omitempty"` // without a run before those that are timed
}

// A request to a side, one line of JSON. Do is "about", "prepare", "run" or "drop".
type request struct {
	Do    string     `json:"do"`
	Op    string     `json:"op,omitempty"`
	Args  *arguments `json:"args,omitempty"`
	Least float64    `json:"least"` // seconds
}

// A reply to it.
type reply struct {
	Seconds  float64           `json:"seconds"`
	Calls    int               `json:"calls"`
	Values   []float64         `json:"values"`
	Versions map[string]string `json:"versions"`
	Threads  int               `json:"threads"`
	Lacks    string            `json:"lacks"` // why there is no such operation, or no memory for it
	Error    string            `json:"error"`
}

// spots are the entries of a matrix that sides are compared at.
func spots(rows, columns int) [][2]int {
	at := make([][2]int, 64)
	for k := range at {
		at[k] = [2]int{k * 7919 % rows, (k*104729 + 13) % columns}
	}
	return at
}

// numbersOf returns the entries of matrices of one shape, row-major, at their spots.
func numbersOf[T float32 | float64](rows, columns int, matrices ...[]T) []float64 {
	var v []float64
	for _, m := range matrices {
		for _, at := range spots(rows, columns) {
			v = append(v, float64(m[at[0]*columns+at[1]]))
		}
	}
	return v
}

// agree reports numbers that differ by more than the tolerance, relative to the largest.
func agree(ours, theirs []float64, tolerance float64) (difference float64, err error) {
	if len(ours) != len(theirs) {
		return 0, fmt.Errorf("%d numbers, and Kernelsmith has %d", len(theirs), len(ours))
	}
	largest := 0.
	for i, v := range ours {
		largest = max(largest, math.Abs(v))
		difference = max(difference, math.Abs(v-theirs[i]))
		if math.IsNaN(v) || math.IsNaN(theirs[i]) {
			return math.NaN(), fmt.Errorf("entry %d is %v, and Kernelsmith has %v", i, theirs[i], v)
		}
	}
	if largest > 0 {
		difference /= largest
	}
	if difference > tolerance {
		return difference, fmt.Errorf("results differ by %.2g of the largest, more than %.2g",
			difference, tolerance)
	}
	return difference, nil
}
