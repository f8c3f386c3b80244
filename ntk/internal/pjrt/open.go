//go:build (darwin || linux) && (amd64 || arm64)

package pjrt

import (
	"errors"
	"unsafe"

	"github.com/ebitengine/purego"
)

// open loads the library and returns its table of functions.
func open(path string) (unsafe.Pointer, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	get, err := purego.Dlsym(handle, "GetPjrtApi")
	if err != nil {
		return nil, errors.New("it has no GetPjrtApi: it is no PJRT plugin")
	}
	table, _, _ := purego.SyscallN(get)
	if table == 0 {
		return nil, errors.New("its GetPjrtApi returns nothing")
	}
	return pointer(table), nil
}

// invoke calls a function of the plugin. What args points to is kept until it returns.
func invoke(function uintptr, args unsafe.Pointer) unsafe.Pointer {
	r, _, _ := purego.SyscallN(function, uintptr(args))
	return pointer(r)
}

// pointer is an address that the plugin returned, which is no memory of Go's.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }
