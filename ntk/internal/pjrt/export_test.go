//go:build linux && amd64

package pjrt

import (
	"unsafe"

	"github.com/ebitengine/purego"
)

// Faulty is a plugin whose functions tests replace.
type Faulty struct {
	*Plugin
	// How many errors Fail made, and how many of them were freed.
	Made, Freed int

	table []uintptr
	fault byte // an error of its own is the address of this
}

// NewFaulty copies the plugin's table of functions. It calls those of the plugin until others
// take their places.
func NewFaulty(p *Plugin) *Faulty {
	size := (*header)(p.table).structSize
	f := &Faulty{table: make([]uintptr, size/8)}
	copy(f.table, unsafe.Slice((*uintptr)(p.table), size/8))
	f.Plugin = &Plugin{p.Path, p.Major, p.Minor, unsafe.Pointer(&f.table[0])}
	return f
}

// Check is what Load does with a table.
func (f *Faulty) Check() error {
	_, err := newPlugin(f.Path, f.Plugin.table)
	return err
}

// SetVersion sets the major version.
func (f *Faulty) SetVersion(major int32) { (*header)(f.Plugin.table).version.major = major }

// Shorten makes the table as short as one before the last function that is called.
func (f *Faulty) Shorten() { f.table[0] = uintptr(atBufferToHostBuffer) }

// at is the place of a function with a name.
func at(name string) function {
	for f, n := range functionNames {
		if n == name {
			return f
		}
	}
	panic("no " + name)
}

// Silence makes a function do nothing, without an error.
func (f *Faulty) Silence(name string) {
	f.table[at(name)/8] = purego.NewCallback(func(uintptr) uintptr { return 0 })
}

// Fail makes a function return an error with this code and message.
func (f *Faulty) Fail(name string, code int32, message string) {
	mine := unsafe.Pointer(&f.fault)
	words := []byte(message)
	messageOf, codeOf, free := f.table[atErrorMessage/8], f.table[atErrorGetCode/8],
		f.table[atErrorDestroy/8]
	f.table[at(name)/8] = purego.NewCallback(func(unsafe.Pointer) uintptr {
		f.Made++
		return uintptr(mine)
	})
	f.table[atErrorMessage/8] = purego.NewCallback(func(args *errorMessageArgs) uintptr {
		if args.error != mine {
			purego.SyscallN(messageOf, uintptr(unsafe.Pointer(args)))
			return 0
		}
		args.message, args.messageSize = unsafe.Pointer(&words[0]), uintptr(len(words))
		return 0
	})
	f.table[atErrorGetCode/8] = purego.NewCallback(func(args *errorGetCodeArgs) uintptr {
		if args.error != mine {
			r, _, _ := purego.SyscallN(codeOf, uintptr(unsafe.Pointer(args)))
			return r
		}
		args.code = code
		return 0
	})
	f.table[atErrorDestroy/8] = purego.NewCallback(func(args *errorDestroyArgs) uintptr {
		if args.error != mine {
			purego.SyscallN(free, uintptr(unsafe.Pointer(args)))
			return 0
		}
		f.Freed++
		return 0
	})
}

// Codes of errors, for tests.
const (
	Exhausted    = errorCodeResourceExhausted
	Internal     = errorCodeInternal
	Unavailable  = errorCodeUnavailable
	Invalid      = errorCodeInvalidArgument
	Precondition = errorCodeFailedPrecondition
)

// Layout returns, for each struct that is passed to the plugin, the size that it says it has and
// the size of the fields in Go.
func Layout() map[string][2]uintptr {
	return map[string][2]uintptr{
		"namedValue": {sizeNamedValue, unsafe.Offsetof(namedValue{}.valueSize) + 8},
		"create": {
			sizeClientCreateArgs, unsafe.Offsetof(clientCreateArgs{}.kvTryGetUserArg) + 8,
		},
		"upload": {
			sizeClientBufferFromHostBufferArgs,
			unsafe.Offsetof(clientBufferFromHostBufferArgs{}.buffer) + 8,
		},
		"code": {sizeErrorGetCodeArgs, unsafe.Offsetof(errorGetCodeArgs{}.code) + 4},
		"execute": {
			sizeLoadedExecutableExecuteArgs,
			unsafe.Offsetof(loadedExecutableExecuteArgs{}.executeDevice) + 8,
		},
		"options": {
			sizeExecuteOptions, unsafe.Offsetof(executeOptions{}.multiSliceConfig) + 8,
		},
		"download": {
			sizeBufferToHostBufferArgs, unsafe.Offsetof(bufferToHostBufferArgs{}.event) + 8,
		},
		"type": {sizeBufferElementTypeArgs, unsafe.Offsetof(bufferElementTypeArgs{}.kind) + 4},
	}
}
