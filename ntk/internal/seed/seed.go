// Package seed makes seeds of random streams that have nothing in common.
package seed

// Mix is the finaliser of SplitMix64, which makes unlike numbers of like ones.
//
// Source: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators".
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
