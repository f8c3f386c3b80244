// Package inverse goes from kernels to nets: the way back of package ntk.
//
// A [Target] is the curve K(c) that one wants on the sphere. [Certify] tells whether a net of
// one hidden layer has it, with an argument and the nearest kernel that one has, and [Of] the
// activation function whose net has it: Theorem 1 of [SAD22], by which a target Σ a_k c^k is
// the NTK of the net with φ = Σ ±√(a_k/(1+k)) h_k, or its NNGP kernel with ±√a_k. [NTK] and
// [NNGP] are the theorem to the letter. The signs are free: [SignRule] chooses them, the least
// [FiniteWidthVariance] of the kernel being one choice. [SharedDepth] asks the same for nets
// of several layers that share an activation.
//
// Kernels and sources are those of package ntk, as are the keys of papers.
package inverse
