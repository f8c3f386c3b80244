//go:build !darwin && !linux

package download

import "context"

// lock does nothing here; checksums say what became of two processes at once.
func lock(context.Context, string) (unlock func(), err error) { return func() {}, nil }
