package design

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"github.com/kernelsmith/kernelsmith/ntk/inverse"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// checkTarget reports what is no target at all.
func checkTarget(target inverse.Target) error {
	switch t := target.(type) {
	case nil:
		return errors.New(
			"design: there is no target; it is a kernel, a power series or samples of package ntk")
	case ntk.Kernel:
		if t.String() == "" {
			return errors.New("design: the target is the zero ntk.Kernel, which is none")
		}
	case inverse.Samples:
		return checkSamples(t)
	case ntk.PowerSeries:
	default:
		return fmt.Errorf(
			"design: the target is a %T; it must be an ntk.Kernel, ntk.PowerSeries or "+
				"inverse.Samples", target)
	}
	return nil
}

// checkSamples reports what are no samples, as the certificate of [inverse.Certify] does,
// which not every target has passed.
func checkSamples(s inverse.Samples) error {
	n := len(s.Cosines)
	switch {
	case n == 0:
		return errors.New("design: the target has no samples")
	case len(s.Values) != n:
		return fmt.Errorf("design: samples have %d values for %d cosines", len(s.Values), n)
	case len(s.Std) > 1 && len(s.Std) != n:
		return fmt.Errorf(
			"design: samples have %d standard deviations for %d cosines; give one for each, a "+
				"single one, or none", len(s.Std), n)
	}
	for i, c := range s.Cosines {
		if !(math.Abs(c) <= 1) {
			return fmt.Errorf("design: sample %d is at the cosine %v, outside [-1, 1]", i, c)
		}
		if !special.Finite(s.Values[i]) {
			return fmt.Errorf("design: sample %d is %v; it must be finite", i, s.Values[i])
		}
	}
	for i, v := range s.Std {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf(
				"design: standard deviation %d of the samples is %v; it must be finite and ≥ 0", i,
				v)
		}
	}
	return nil
}

// curveOf returns what a target has at cosines on the sphere.
func curveOf(target inverse.Target, cosines []float64) ([]float64, error) {
	if err := checkTarget(target); err != nil {
		return nil, err
	}
	switch t := target.(type) {
	case ntk.Kernel:
		return t.Curve(cosines)
	case ntk.PowerSeries:
		out := make([]float64, len(cosines))
		for i, c := range cosines {
			if !(math.Abs(c) <= 1) {
				return nil, fmt.Errorf("design: cosine %d is %v, outside [-1, 1]", i, c)
			}
			out[i] = t.At(c)
		}
		return out, nil
	}
	return nil, errors.New("design: samples have no values at other cosines than theirs")
}

// orDefault is the domain to use: samples bring theirs, for other targets the zero
// value is 101 angles.
func (d Domain) orDefault(target inverse.Target) (Domain, error) {
	if err := checkTarget(target); err != nil {
		return d, err
	}
	zero := len(d.places) == 0 && d.err == nil
	s, samples := target.(inverse.Samples)
	switch {
	case samples && !zero:
		return d, fmt.Errorf(
			"design: samples are compared where they are; leave the domain (%v) out", d)
	case samples:
		return sampled(s), nil
	case zero:
		return Angles(101, nil), nil
	}
	return d, nil
}

// sampled is the domain of samples that have passed their check: weights 1/Std²,
// with a floor so that exact values among noisy ones do not silence them.
func sampled(s inverse.Samples) Domain {
	d := Domain{name: fmt.Sprintf("%d samples", len(s.Cosines)), lo: 1, hi: 1}
	var most float64
	for _, v := range s.Std {
		most = math.Max(most, v)
	}
	for i, c := range s.Cosines {
		p := place{q: 1, q2: 1, minus: 1 - c, plus: 1 + c, weight: 1, want: s.Values[i]}
		if most > 0 {
			std := s.Std[0]
			if len(s.Std) > 1 {
				std = s.Std[i]
			}
			std = math.Max(std/most, 1e-6)
			p.weight = 1 / (std * std)
		}
		d.places = append(d.places, p)
	}
	return d
}

// enough reports fewer samples than numbers to be found.
func enough(target inverse.Target, params []unknown) error {
	s, ok := target.(inverse.Samples)
	if !ok {
		return nil
	}
	free := 0
	for _, p := range params {
		if !p.fixed {
			free++
		}
	}
	at := slices.Clone(s.Cosines)
	slices.Sort(at)
	if n := len(slices.Compact(at)); n < free {
		return fmt.Errorf(
			"design: samples at %d cosines cannot tell %d free parameters; at least %d are "+
				"needed, or fix some with Family.Fixed", n, free, free)
	}
	return nil
}

// wanted sets what the target has at the places.
func (d Domain) wanted(target inverse.Target) ([]place, error) {
	if d.err != nil {
		return nil, d.err
	}
	kernel, isKernel := target.(ntk.Kernel)
	_, samples := target.(inverse.Samples)
	if !isKernel && !d.onSphere() {
		return nil, fmt.Errorf(
			"design: a power series is a kernel on the sphere ‖x‖² = d alone, and the domain is "+
				"%v; make it one of all inputs with its Kernel method", d)
	}
	out := make([]place, len(d.places))
	var total float64
	for i, p := range d.places {
		var err error
		switch {
		case samples: // have it
		case d.onSphere():
			var v []float64
			c := 1 - p.minus
			if p.minus > 1 {
				c = p.plus - 1
			}
			if v, err = curveOf(target, []float64{c}); err == nil {
				p.want = v[0]
			}
		default:
			p.want, err = kernel.At(p.q, p.k(), p.q2)
		}
		if err != nil {
			return nil, fmt.Errorf("design: the target: %w", err)
		}
		if !special.Finite(p.want) {
			return nil, fmt.Errorf("design: the target %v is %v at (%v, %v, %v)", target, p.want,
				p.q, p.k(), p.q2)
		}
		total += p.weight
		out[i] = p
	}
	if !(total > 0) {
		return nil, fmt.Errorf("design: all weights of the domain (%v) are 0", d)
	}
	var square float64
	for i := range out {
		out[i].weight /= total
		square += out[i].weight * out[i].want * out[i].want
	}
	if !(square > 0) || math.IsInf(square, 0) {
		return nil, fmt.Errorf(
			"design: the mean square of the target %v over the domain (%v) is %v; it must be "+
				"finite and > 0", target, d, square)
	}
	return out, nil
}

// realizable asks the certificate for targets whose values can be had on the sphere.
func realizable(target inverse.Target) error {
	certificate, err := inverse.Certify(target, &inverse.CertifySettings{Degree: 24})
	if err != nil {
		return err
	}
	if certificate.Verdict == inverse.NotRealizable {
		return &inverse.NotRealizableError{Certificate: certificate}
	}
	return nil
}
