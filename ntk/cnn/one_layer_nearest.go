package cnn

import (
	"context"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/nnls"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
)

// NearestOneLayer is the kernel of one layer that is nearest to a kernel matrix, from [Nearest].
type NearestOneLayer struct {
	Series ntk.PowerSeries // κ, its coefficients a_k ≥ 0
	// RelativeError is ‖Σ a_k K_k - G‖/‖G‖ in the Frobenius norm: 0 for a kernel of one layer, 1
	// for one that is orthogonal to all of them.
	RelativeError float64
	// Alignment is ⟨Σ a_k K_k, G⟩ over the norms of both, and CenteredAlignment the same of H K H
	// and H G H, H = 1 - 1/n, which a constant has no part in: the number to look at where
	// kernels are large everywhere. 1 is the same kernel but for a factor, and a constant.
	Alignment, CenteredAlignment float64
}

// String says how near the kernel is, in a line.
func (n NearestOneLayer) String() string {
	return fmt.Sprintf("κ of degree %d: %.2g of the matrix off (Frobenius), alignment %.3g, "+
		"centred %.3g", len(n.Series.Coeffs())-1, n.RelativeError, n.Alignment, n.CenteredAlignment)
}

// Nearest returns the Σ a_k K_k, a_k ≥ 0, that is nearest to the symmetric n×n matrix G in the
// Frobenius norm, an exact active set on an orthogonal factorisation of the K_k, which may depend
// on each other almost: the n×n matrices powers[k] of [PooledPowersInto], or any others. So it says
// how far any kernel matrix, such as that of a deeper net on the same images, is from what one
// layer can have. It reports matrices of other sizes, entries that are not finite, a G that is not
// symmetric or is 0, and ctx's end.
//
// Cost: n² (len(powers)+1)² operations. Memory: some MB.
func Nearest[T float32 | float64](
	ctx context.Context, powers [][]T, G []T,
) (*NearestOneLayer, error) {
	n := int(math.Round(math.Sqrt(float64(len(G)))))
	if n < 1 || n*n != len(G) || len(powers) == 0 {
		return nil, fmt.Errorf("cnn: %d matrices, and %d entries of G; there must be at least one "+
			"matrix, and n² entries", len(powers), len(G))
	}
	for k, K := range powers {
		if len(K) != len(G) {
			return nil, fmt.Errorf("cnn: matrix %d has %d entries, G has %d", k, len(K), len(G))
		}
	}
	if err := checkSymmetric(G, n); err != nil {
		return nil, err
	}
	columns, right, err := triangle(ctx, powers, G, n)
	if err != nil {
		return nil, err
	}
	norm := math.Sqrt(dot64(right, right))
	if !(norm > 0) {
		return nil, fmt.Errorf("cnn: G is 0, which every direction is as near to")
	}
	found, err := nnls.Solve(columns, right[:len(columns)], 0)
	if err != nil {
		return nil, fmt.Errorf("cnn: nearest one-layer kernel: %w", err)
	}
	out := &NearestOneLayer{}
	if out.Series, err = ntk.NewPowerSeries(found.X); err != nil {
		return nil, fmt.Errorf("cnn: nearest one-layer kernel: %w", err)
	}
	out.RelativeError = math.Hypot(found.Norm, right[len(columns)]) / norm
	out.Alignment, out.CenteredAlignment = alignments(powers, found.X, G, n)
	return out, nil
}

func checkSymmetric[T float32 | float64](G []T, n int) error {
	tolerance := 1e-9
	if accel.IsSingle[T]() {
		tolerance = 1e-4
	}
	largest := 0.0
	for k, v := range G {
		if !finite(float64(v)) {
			return fmt.Errorf("cnn: G is %v at row %d, column %d; it must be finite", v, k/n, k%n)
		}
		largest = math.Max(largest, math.Abs(float64(v)))
	}
	for i := range n {
		for j := range i {
			a, b := float64(G[i*n+j]), float64(G[j*n+i])
			if math.Abs(a-b) > tolerance*largest {
				return fmt.Errorf("cnn: G is not symmetric: %v at row %d, column %d, and %v at "+
					"row %d, column %d", a, i, j, b, j, i)
			}
		}
	}
	return nil
}

// triangle returns R of the orthogonal factorisation [K_0 … K_m G] = Q R of the matrices as
// columns: its first columns, m+1 long, and its last, m+2 long. Entries off the diagonal count
// twice.
func triangle[T float32 | float64](
	ctx context.Context, powers [][]T, G []T, n int,
) (columns [][]float64, right []float64, err error) {
	width := len(powers) + 1
	parts := make([][]float64, min(n, 64))
	err = parallel.Each(ctx, len(parts), func(part int, stop func() bool) error {
		const height = 512
		a, tau := make([]float64, (width+height)*width), make([]float64, width)
		rows := width // the first are R so far
		reduce := func() {
			accel.Geqrf(rows, width, a, width, tau)
			for i := range width {
				clear(a[i*width : i*width+i])
			}
			rows = width
		}
		for i := part; i < n; i += len(parts) {
			for j := range i + 1 {
				factor := math.Sqrt2
				if i == j {
					factor = 1
				}
				row := a[rows*width : (rows+1)*width]
				for k, K := range powers {
					row[k] = factor * float64(K[i*n+j])
					if !finite(row[k]) {
						return fmt.Errorf("cnn: matrix %d is %v at row %d, column %d; it must be "+
							"finite", k, K[i*n+j], i, j)
					}
				}
				row[width-1] = factor * float64(G[i*n+j])
				if rows++; rows == width+height {
					reduce()
				}
			}
			if stop() {
				return ctx.Err()
			}
		}
		reduce()
		parts[part] = a[:width*width]
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	var all []float64
	for _, r := range parts {
		all = append(all, r...)
	}
	accel.Geqrf(len(parts)*width, width, all, width, make([]float64, width))
	for k := range width {
		column := make([]float64, width)
		for i := range k + 1 {
			column[i] = all[i*width+k]
		}
		if k+1 == width {
			return columns, column, nil
		}
		columns = append(columns, column[:width-1])
	}
	return nil, nil, nil
}

func dot64(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// alignments are those of Σ a_k K_k and G, as they are and centred.
func alignments[T float32 | float64](
	powers [][]T, a []float64, G []T, n int,
) (plain, centred float64) {
	var kk, kg, gg float64
	k, g := make([]float64, n), make([]float64, n) // means of rows
	for i := range n {
		for j := range n {
			x, y := 0.0, float64(G[i*n+j])
			for p, v := range a {
				if v > 0 {
					x += v * float64(powers[p][i*n+j])
				}
			}
			kk, kg, gg = kk+x*x, kg+x*y, gg+y*y
			k[i], g[i] = k[i]+x/float64(n), g[i]+y/float64(n)
		}
	}
	// ⟨HKH, HGH⟩ = ⟨K, G⟩ - 2n Σ k_i g_i + n² k g, of the means of rows and of all.
	var meanK, meanG float64
	for i := range n {
		meanK, meanG = meanK+k[i]/float64(n), meanG+g[i]/float64(n)
	}
	center := func(product float64, u, v []float64, meanU, meanV float64) float64 {
		return product - 2*float64(n)*dot64(u, v) + float64(n)*float64(n)*meanU*meanV
	}
	ck, cg := center(kk, k, k, meanK, meanK), center(gg, g, g, meanG, meanG)
	if kk > 0 {
		plain = kg / math.Sqrt(kk) / math.Sqrt(gg)
	}
	if ck > 1e-12*kk && cg > 1e-12*gg { // else it is a constant, and this rounding
		centred = center(kg, k, g, meanK, meanG) / math.Sqrt(ck) / math.Sqrt(cg)
	}
	return plain, centred
}
