//go:build (darwin || linux) && (amd64 || arm64)

package pjrttest

import (
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/kernelsmith/kernelsmith/ntk/internal/pjrt"
)

// Codes of errors, of PJRT_Error_Code.
const (
	Invalid      = 3
	Exhausted    = 8
	Precondition = 9
	Internal     = 13
	Unavailable  = 14
)

// Faulty is a plugin whose functions are replaced.
type Faulty struct {
	*pjrt.Plugin
	// How many errors Fail's functions returned, and how many of them were freed.
	Made, Freed int

	table  []uintptr
	places map[string]uintptr
	fault  byte // an error of its own is the address of this
}

// NewFaulty copies the plugin's table of functions. It calls those of the plugin until others
// take their places.
func NewFaulty(p *pjrt.Plugin) *Faulty {
	size := *(*uintptr)(p.Table())
	f := &Faulty{table: make([]uintptr, size/8), places: pjrt.Places()}
	copy(f.table, unsafe.Slice((*uintptr)(p.Table()), size/8))
	plugin, err := pjrt.FromTable(p.Path, unsafe.Pointer(&f.table[0]))
	if err != nil {
		panic(err) // it is a copy of a good one
	}
	f.Plugin = plugin
	return f
}

// Check is what Load does with a table.
func (f *Faulty) Check() error {
	_, err := pjrt.FromTable(f.Path, unsafe.Pointer(&f.table[0]))
	return err
}

// SetVersion sets the major version, which stands behind the table's size, its extensions, and
// the version's own size and extensions.
func (f *Faulty) SetVersion(major int32) { *(*int32)(unsafe.Pointer(&f.table[4])) = major }

// Shorten makes the table as short as one before a function was added.
func (f *Faulty) Shorten(before string) { f.table[0] = f.places[before] }

func (f *Faulty) entry(name string) *uintptr { return &f.table[f.places[name]/8] }

// Silence makes a function do nothing, without an error.
func (f *Faulty) Silence(name string) {
	*f.entry(name) = purego.NewCallback(func(uintptr) uintptr { return 0 })
}

// errorArgs is how the arguments of the functions of errors begin, with what each returns.
type errorArgs struct {
	size       uintptr
	extensions unsafe.Pointer
	of         unsafe.Pointer
	out        unsafe.Pointer // the message; or the code, in its first half
	outSize    uintptr
}

// Fail makes a function return an error with this code and message.
func (f *Faulty) Fail(name string, code int32, message string) {
	mine := unsafe.Pointer(&f.fault)
	words := []byte(message)
	*f.entry(name) = purego.NewCallback(func(unsafe.Pointer) uintptr {
		f.Made++
		return uintptr(mine)
	})
	f.onMine("PJRT_Error_Message", func(args *errorArgs) {
		args.out, args.outSize = unsafe.Pointer(&words[0]), uintptr(len(words))
	})
	f.onMine("PJRT_Error_GetCode", func(args *errorArgs) {
		*(*int32)(unsafe.Pointer(&args.out)) = code
	})
	f.onMine("PJRT_Error_Destroy", func(*errorArgs) { f.Freed++ })
}

// onMine replaces a function of errors for the error of Fail.
func (f *Faulty) onMine(name string, do func(args *errorArgs)) {
	mine, plugins := unsafe.Pointer(&f.fault), *f.entry(name)
	*f.entry(name) = purego.NewCallback(func(args *errorArgs) uintptr {
		if args.of == mine {
			do(args)
			return 0
		}
		r, _, _ := purego.SyscallN(plugins, uintptr(unsafe.Pointer(args)))
		return r
	})
}
