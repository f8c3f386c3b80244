package spectra

import (
	"container/heap"
	"math"
)

// highestLevel is the last degree of Hermite products that predictions use. What the kernel has
// beyond is in the tail.
const highestLevel = 12

// hermiteMode is the eigenfunction Π_i h_{α_i}(z_i), h_k the orthonormal probabilists' Hermite
// polynomial, and its eigenvalue.
type hermiteMode struct {
	// coordinates has i as often as α_i says, in order: x_0² x_3 is 0, 0, 3. It is empty for the
	// constant.
	coordinates []int32
	eigenvalue  float64
}

// levelTraces returns h_0 … h_degree, the sums of all products of so many shares, with
// repetition: Σ over |α| = ℓ of Π g_i^{α_i}.
//
// Source: Newton's identities, ℓ h_ℓ = Σ_j p_j h_{ℓ-j} with the power sums p_j. All terms are
// positive, so nothing cancels.
func levelTraces(shares []float64, degree int) []float64 {
	p, h := make([]float64, degree+1), make([]float64, degree+1)
	for _, g := range shares {
		power := 1.0
		for j := range p {
			p[j] += power
			power *= g
		}
	}
	h[0] = 1
	for l := 1; l <= degree; l++ {
		for j := 1; j <= l; j++ {
			h[l] += p[j] * h[l-j]
		}
		h[l] /= float64(l)
	}
	return h
}

// hermiteModes returns the modes with the largest eigenvalues a_ℓ/h_ℓ Π g_i^{α_i}, largest
// first, at most count of them: those of degree ℓ sum to a_ℓ. The shares g_i of the variance
// are positive and fall, and sum to 1.
//
// Equal eigenvalues come in order of the degree and then of the coordinates' discovery, the same
// in every run. Cost: count·log count steps of a heap.
func hermiteModes(a, shares []float64, count int) []hermiteMode {
	traces := levelTraces(shares, len(a)-1)
	scale := make([]float64, len(a))
	queue := new(modeQueue)
	push := func(coordinates []int32) {
		v := scale[len(coordinates)]
		for _, i := range coordinates {
			v *= shares[i]
		}
		if v > 0 {
			heap.Push(queue, queuedMode{hermiteMode{coordinates, v}, queue.pushed})
			queue.pushed++
		}
	}
	for l, v := range a {
		if scale[l] = v / traces[l]; v > 0 && (l == 0 || len(shares) > 0) {
			push(make([]int32, l))
		}
	}
	var modes []hermiteMode
	for len(modes) < count && queue.Len() > 0 {
		top := heap.Pop(queue).(queuedMode).hermiteMode
		modes = append(modes, top)
		// Each tuple is reached once: from the one with its first nonzero entry less by one.
		t := top.coordinates
		first := 0
		for first < len(t) && t[first] == 0 {
			first++
		}
		raise := func(at int) {
			next := append([]int32(nil), t...)
			next[at]++
			push(next)
		}
		if first > 0 && len(shares) > 1 {
			raise(first - 1)
		}
		if first < len(t) {
			most := int32(len(shares) - 1)
			if first+1 < len(t) {
				most = t[first+1]
			}
			if t[first] < most {
				raise(first)
			}
		}
	}
	return modes
}

// queuedMode is a mode and when it was found.
type queuedMode struct {
	hermiteMode
	order int
}

// modeQueue is a heap with the largest eigenvalue on top.
type modeQueue struct {
	modes  []queuedMode
	pushed int
}

func (q *modeQueue) Len() int { return len(q.modes) }

func (q *modeQueue) Less(i, j int) bool {
	a, b := &q.modes[i], &q.modes[j]
	if a.eigenvalue != b.eigenvalue {
		return a.eigenvalue > b.eigenvalue
	}
	return a.order < b.order
}

func (q *modeQueue) Swap(i, j int) { q.modes[i], q.modes[j] = q.modes[j], q.modes[i] }

func (q *modeQueue) Push(m any) { q.modes = append(q.modes, m.(queuedMode)) }

func (q *modeQueue) Pop() any {
	last := len(q.modes) - 1
	m := q.modes[last]
	q.modes = q.modes[:last]
	return m
}

// hermiteValues sets h[k] to the orthonormal Hermite polynomial h_k(z):
// √(k+1) h_{k+1} = z h_k - √k h_{k-1}.
func hermiteValues(h []float64, z float64) {
	h[0] = 1
	if len(h) > 1 {
		h[1] = z
	}
	for k := 1; k+1 < len(h); k++ {
		h[k+1] = (z*h[k] - math.Sqrt(float64(k))*h[k-1]) / math.Sqrt(float64(k+1))
	}
}
