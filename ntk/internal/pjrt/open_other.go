//go:build !((darwin || linux) && (amd64 || arm64))

package pjrt

import (
	"errors"
	"runtime"
	"unsafe"
)

func open(string) (unsafe.Pointer, error) {
	return nil, errors.New("no library is loaded at run time on " + runtime.GOOS + "/" +
		runtime.GOARCH)
}

func invoke(uintptr, unsafe.Pointer) unsafe.Pointer { panic("pjrt: no plugin can be loaded") }
