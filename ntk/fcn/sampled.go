package fcn

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// SampledNTK returns the empirical NTK of finite nets at initialisation as curves over the cosine:
// for each of so many nets, of the seeds Config.Seed and up, the kernel of output 0 between an
// input of norm √d and inputs of that norm at the given cosines to it. Their mean over nets is the
// NTK of the net of infinite width, at any width; see [Model.MeanNTK]. It reports a model that
// [New] refuses, no nets, fewer than two inputs, and cosines outside [-1, 1].
func (m Model) SampledNTK(nets int, cosines []float64) (kernels [][]float64, err error) {
	d := m.Config.Inputs
	if nets < 1 || d < 2 {
		return nil, fmt.Errorf("fcn: %d nets of %d inputs; a sampled NTK takes 1 and 2 at least",
			nets, d)
	}
	if len(cosines) == 0 {
		return nil, fmt.Errorf("fcn: no cosines to sample an NTK at")
	}
	net, err := New(m.Arch, m.Config) // of the first seed, which finds what is wrong with the model
	if err != nil {
		return nil, err
	}
	x, x0 := mat.NewDense(len(cosines), d, nil), mat.NewDense(1, d, nil)
	r := math.Sqrt(float64(d))
	x0.Set(0, 0, r)
	for i, c := range cosines { // in the plane of the first two coordinates
		if !(math.Abs(c) <= 1) {
			return nil, fmt.Errorf("fcn: cosine %d is %v; it must be from -1 to 1", i, c)
		}
		x.Set(i, 0, r*c)
		x.Set(i, 1, r*math.Sqrt(1-c*c))
	}
	for {
		k, err := net.EmpiricalNTK(x0, x, 0)
		if err != nil {
			return nil, err
		}
		for i, v := range k.RawRowView(0) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("fcn: the NTK of the net of seed %d is %v at cosine %v",
					m.Config.Seed, v, cosines[i])
			}
		}
		if kernels = append(kernels, k.RawRowView(0)); len(kernels) == nets {
			return kernels, nil
		}
		m.Config.Seed++
		if net, err = New(m.Arch, m.Config); err != nil {
			return nil, err
		}
	}
}

// MeanNTK returns mean and standard deviation over nets of [Model.SampledNTK], which takes two nets
// at least.
func (m Model) MeanNTK(nets int, cosines []float64) (mean, std []float64, err error) {
	if nets < 2 {
		return nil, nil, fmt.Errorf("fcn: %d nets have no standard deviation; take 2 or more", nets)
	}
	kernels, err := m.SampledNTK(nets, cosines)
	if err != nil {
		return nil, nil, err
	}
	n := float64(nets)
	mean, std = make([]float64, len(cosines)), make([]float64, len(cosines))
	for _, k := range kernels {
		for i, v := range k {
			mean[i] += v / n
		}
	}
	for _, k := range kernels {
		for i, v := range k {
			std[i] += (v - mean[i]) * (v - mean[i]) / (n - 1)
		}
	}
	for i, v := range std {
		std[i] = math.Sqrt(v)
	}
	return mean, std, nil
}
