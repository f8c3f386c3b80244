// Package elsewhere is a test that results do not depend on the platform. It computes a fixed list
// of them through the public packages, in portable arithmetic or with OpenBLAS, and compares each
// with the file that was written on amd64 to a tolerance of its own. "make elsewhere" runs it for
// arm64 and in WebAssembly.
//
// What may differ is rounding: a Go compiler fuses products and sums on arm64, and not on amd64 or
// in WebAssembly; math.Exp and a few others are in assembly on some; and gonum's sums run in
// another order where they are in assembly. What is drawn at random, and what is decided by it,
// may not.
package elsewhere
