package cnn

import "testing"

// KeepNoPatches takes the patches of images anew for each block, for a test.
func KeepNoPatches(t *testing.T) {
	was := mostKept
	mostKept = 0
	t.Cleanup(func() { mostKept = was })
}
