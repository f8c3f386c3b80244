//go:build !((darwin || linux) && (amd64 || arm64))

package accel

import (
	"errors"
	"runtime"
)

func load(string) (backend, error) {
	return backend{}, errors.New(
		"no library is loaded at run time on " + runtime.GOOS + "/" + runtime.GOARCH)
}
