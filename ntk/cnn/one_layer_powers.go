package cnn

import (
	"context"
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// PooledPowersInto sets dst[k] to the n×n kernel matrix K_k of a [OneLayer] with the curve c^k,
// between the images of x, for k = 0 … len(dst)-1. Any kernel of a curve κ(c) = Σ a_k c^k is then
// Σ a_k K_k, so that the a_k can be chosen from data without another look at the images: see
// [NearestPooled] and package regress. Each cosine is computed once, its powers one from the other.
//
// Matrices are symmetric to the bit; products are in the precision of T, sums over many of them in
// double, and entries are good to 1e-12 of √(K_k(x, x) K_k(x', x')) in double precision, to 1e-6 in
// single, and at k = 20 to 2e-6. Cost: as [PooledGramTiles], with 1 ns for 21 powers in place of κ.
// Images of 32×32×3 with 6×6 patches and four windows have 133,000 cosines a pair with stride 1,
// 9,604 with stride 2, 1,681 with stride 3. Errors are those of [GramInto] and [PooledGramTiles].
func PooledPowersInto[T float32 | float64](
	ctx context.Context, dst [][]T, l *OneLayer, x ntk.Inputs[T], s *Settings,
) error {
	switch {
	case l == nil:
		return fmt.Errorf("cnn: no layer (nil)")
	case len(dst) == 0:
		return fmt.Errorf("cnn: there is no matrix for any power")
	}
	e := &pooling[T]{l: l, outputs: len(dst)}
	if err := e.take(ctx, x, x, true); err != nil {
		return err
	}
	return e.into(ctx, dst, s)
}

// addsAtOnce is how many numbers are added in single precision before double takes over.
const addsAtOnce = 2048

// addPowers is addCurve for the powers of the cosines.
func (b *pairBlock[T]) addPowers(s int, c []T, row, end, j0, j1 int, r *room[T]) {
	e, w := b.e, &b.e.l.windows[s]
	n, padded, images, terms := len(w.patches), e.padded[s], j1-j0, e.outputs
	out := func(k, j int) []float64 {
		return b.sums[(k/n*b.width+j0+j)*terms:][:terms]
	}
	cosines := single(c)
	if cosines == nil || n < inPlain {
		for k := row; k < end; k++ {
			weights := e.weights[s][k%n]
			for j := range images {
				to := out(k, j)
				for l, x := range c[((k-row)*images+j)*padded:][:n] {
					p := w.scale * float64(weights[l])
					for t := range to {
						to[t] += p
						p *= float64(x)
					}
				}
			}
		}
		return
	}
	size := terms * vec32.Together
	sums := single(grown(&r.sums, images*size))
	clear(sums)
	begin := row
	for k := row; k < end; k++ {
		weights := single(e.weights[s][k%n])
		for j := range images {
			vec32.PowerSums(sums[j*size:(j+1)*size],
				cosines[((k-row)*images+j)*padded:][:padded], weights)
		}
		if (k+1)%n != 0 && k+1 < end && (k+1-begin)*padded < addsAtOnce {
			continue
		}
		for j := range images {
			to := out(k, j)
			for t := range to {
				sum := 0.0
				for _, v := range sums[j*size+t*vec32.Together:][:vec32.Together] {
					sum += float64(v)
				}
				to[t] += w.scale * sum
			}
		}
		clear(sums)
		begin = k + 1
	}
}
