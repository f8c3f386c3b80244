package vec32

import "golang.org/x/sys/cpu"

func hasVectors() bool { return cpu.X86.HasAVX2 && cpu.X86.HasFMA }

func hasLongVectors() bool {
	return cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasBMI2
}

// n is a multiple of 8 and > 0.
//
//go:noescape
func relu(value, derivative, z *float32, n int)

// n is a multiple of 8 and > 0.
//
//go:noescape
func addLine(value, derivative, z *float32, n int, l *lineConstants)

// n is a multiple of 8 and > 0.
//
//go:noescape
func multiply(x, by *float32, n int)

// n is a multiple of 8 and > 0.
//
//go:noescape
func addScaled(x *float32, c float32, by *float32, n int)

// largest returns the largest |z[i]| as its bits, of which those of NaN are above
// all numbers'. n is a multiple of 8 and > 0.
//
//go:noescape
func largest(z *float32, n int) uint32

// sine is Sine without the check of its arguments. n is a multiple of 8 and > 0.
//
//go:noescape
func sine(value, derivative, z *float32, n int, c *sineConstants)

// product is three rows of Product; steps are in bytes, inner > 0.
//
//go:noescape
func product(c *float32, ldc int, a *float32, rowStep, colStep int, b *float32,
	ldb, cols, inner int, add bool)

// dots sets sums[2i+j] to the products of four rows h and two rows v; steps are in
// bytes, n is a multiple of 8 and > 0.
//
//go:noescape
func dots(sums *[8]float32, h *float32, ldh int, v *float32, ldv int, n int)
