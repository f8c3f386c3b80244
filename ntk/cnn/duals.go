package cnn

import (
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// dual is what an activation does to covariances.
type dual[T float32 | float64] interface {
	// Apply takes s, the covariances of pre-activations at some places, to E[φ(u)φ(v)], and
	// multiplies t, which may be nil, by E[φ'(u)φ'(v)]. The variances are x, one for each place,
	// and y.
	Apply(s, t, x, y []T)
}

// unwrap returns what an activation is without what was added to it, such as a single-precision
// form.
func unwrap(phi ntk.Activation) ntk.Activation {
	for {
		w, ok := phi.(interface{ Unwrap() ntk.Activation })
		if !ok {
			return phi
		}
		phi = w.Unwrap()
	}
}

func dualOf[T float32 | float64](phi ntk.Activation) dual[T] {
	phi = unwrap(phi)
	switch phi := phi.(type) {
	case ntk.ReLU:
		return twoSlopes[T](1, 0)
	case ntk.TwoSlope:
		return twoSlopes[T](phi.Positive, phi.Negative)
	}
	if _, ok := phi.(ntk.Erf); ok {
		if d, ok := any(vec32.NewArcsine()).(dual[T]); ok {
			return d
		}
	}
	return general[T]{phi.(ntk.Dualer)}
}

// twoSlopes is the dual of p·z for z > 0 and n·z for z < 0.
func twoSlopes[T float32 | float64](p, n float64) dual[T] {
	if d, ok := any(vec32.NewArcCosine(p, n)).(dual[T]); ok {
		return d
	}
	return slopes[T]{(p*p + n*n) / 2, (p - n) * (p - n) / (2 * math.Pi)}
}

// slopes is φ = p·z for z > 0 and n·z for z < 0, with, at standard deviations s, s' and
// correlation cos θ,
//
//	φ̌ = s s' (α cos θ + β (sin θ - θ cos θ)),   φ̇ = α - β θ,
//	α = (p² + n²)/2,   β = (p - n)²/(2π).
//
// Source: [CS09] eq. 3-6, a key of package ntk.
type slopes[T float32 | float64] struct{ alpha, beta float64 }

// equalWithin is the 1 - ρ² below which pre-activations are taken to be equal or opposite, since
// their covariances are not known better. Patches that are multiples of each other are that but
// for rounding, and the angle between them is the root of this.
const equalWithin = 0x1p-48

func equalWithinOf[T float32 | float64]() float64 {
	if accel.IsSingle[T]() {
		return 0x1p-21
	}
	return equalWithin
}

func (d slopes[T]) Apply(s, t, x, y []T) {
	for c, q := range x {
		k, q2 := at(s, c), at(y, c)
		var slope vec[T]
		for l, v := range k {
			value, derivative := d.at(float64(q), float64(v), float64(q2[l]))
			k[l], slope[l] = T(value), T(derivative)
		}
		if t != nil {
			tangent := at(t, c)
			for l := range tangent {
				tangent[l] *= slope[l]
			}
		}
	}
}

// at is the dual of one pair.
func (d slopes[T]) at(q, k, q2 float64) (value, derivative float64) {
	determinant := determinant(q, k, q2)
	if !(determinant > equalWithin*(q*q2)) {
		if k < 0 {
			return d.alpha*k - d.beta*math.Pi*k, d.alpha - d.beta*math.Pi
		}
		return d.alpha * k, d.alpha
	}
	root := math.Sqrt(determinant)
	theta := math.Atan2(root, k)
	return d.alpha*k + d.beta*(root-theta*k), d.alpha - d.beta*theta
}

// determinant is q q2 - k², to the last digit of just these covariances, and 0 where they are
// equal.
func determinant(q, k, q2 float64) float64 {
	product := q * q2
	return math.FMA(-k, k, product) + math.FMA(q, q2, -product)
}

// general is any activation, by its own duals.
type general[T float32 | float64] struct{ phi ntk.Dualer }

func (d general[T]) Apply(s, t, x, y []T) {
	for c, q := range x {
		k, q2 := at(s, c), at(y, c)
		for l, v := range k {
			value, derivative := d.phi.Dual(float64(q), float64(v), float64(q2[l]))
			k[l] = T(value)
			if t != nil {
				at(t, c)[l] *= T(derivative)
			}
		}
	}
}
