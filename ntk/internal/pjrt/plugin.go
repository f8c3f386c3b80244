package pjrt

import (
	"fmt"
	"sync"
	"unsafe"
)

// Plugin is a loaded library.
type Plugin struct {
	Path         string
	Major, Minor int // the version of its interface
	table        unsafe.Pointer
}

// function is a function of the interface, as the place of its address in the table.
type function uintptr

var loaded = struct {
	sync.Mutex
	plugins map[string]*Plugin
}{plugins: map[string]*Plugin{}}

// Load loads a plugin, once. It reports a file that is none, and one whose version of the
// interface is too far from the one of this package.
func Load(path string) (*Plugin, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if p := loaded.plugins[path]; p != nil {
		return p, nil
	}
	table, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("pjrt: %s cannot be loaded: %w", path, err)
	}
	p, err := newPlugin(path, table)
	if err != nil {
		return nil, err
	}
	args := &pluginInitializeArgs{structSize: sizePluginInitializeArgs}
	if err := p.call(atPluginInitialize, "loading "+path, unsafe.Pointer(args)); err != nil {
		return nil, err
	}
	loaded.plugins[path] = p
	return p, nil
}

// FromTable is a plugin with a table of functions that others made: for tests of faults.
func FromTable(path string, table unsafe.Pointer) (*Plugin, error) {
	return newPlugin(path, table)
}

// Table is the plugin's table of functions: its size in bytes, and then, at the places of Places,
// their addresses.
func (p *Plugin) Table() unsafe.Pointer { return p.table }

// Places are where the functions stand in a table, in bytes.
func Places() map[string]uintptr {
	places := map[string]uintptr{}
	for f, name := range functionNames {
		places[name] = uintptr(f)
	}
	return places
}

// header is how the table of functions begins in all versions.
type header struct {
	structSize     uintptr
	extensionStart unsafe.Pointer
	version        struct {
		structSize     uintptr
		extensionStart unsafe.Pointer
		major, minor   int32
	}
}

// newPlugin checks that the table has what this package calls.
func newPlugin(path string, table unsafe.Pointer) (*Plugin, error) {
	h := (*header)(table)
	p := &Plugin{path, int(h.version.major), int(h.version.minor), table}
	different := func(what string) error {
		return fmt.Errorf("pjrt: %s: %w: it has version %d.%d of the interface, this program is "+
			"made for %d.%d%s", path, ErrVersion, p.Major, p.Minor, apiMajor, apiMinor, what)
	}
	if p.Major != apiMajor {
		return nil, different("")
	}
	for f, name := range functionNames {
		if uintptr(f)+unsafe.Sizeof(uintptr(0)) > h.structSize || p.address(f) == 0 {
			return nil, different(", and it lacks " + name)
		}
	}
	return p, nil
}

func (p *Plugin) address(f function) uintptr {
	return *(*uintptr)(unsafe.Add(p.table, uintptr(f)))
}

// call calls a function that returns a PJRT_Error, and frees that.
func (p *Plugin) call(f function, doing string, args unsafe.Pointer) error {
	if e := invoke(p.address(f), args); e != nil {
		return p.errorOf(doing, e)
	}
	return nil
}

// errorOf turns an error of the plugin's into one of Go and frees it.
func (p *Plugin) errorOf(doing string, e unsafe.Pointer) error {
	message := &errorMessageArgs{structSize: sizeErrorMessageArgs, error: e}
	invoke(p.address(atErrorMessage), unsafe.Pointer(message))
	out := &Error{Doing: doing, Code: errorCodeUnknown,
		Message: text(message.message, message.messageSize)}
	code := &errorGetCodeArgs{structSize: sizeErrorGetCodeArgs, error: e}
	if second := invoke(p.address(atErrorGetCode), unsafe.Pointer(code)); second != nil {
		p.destroyError(second)
	} else {
		out.Code = int(code.code)
	}
	p.destroyError(e)
	out.Kind = kindOf(out.Code, out.Message)
	return out
}

func (p *Plugin) destroyError(e unsafe.Pointer) {
	args := &errorDestroyArgs{structSize: sizeErrorDestroyArgs, error: e}
	invoke(p.address(atErrorDestroy), unsafe.Pointer(args))
}

// wait waits for an event of the plugin's and frees it. There may be none.
func (p *Plugin) wait(doing string, event unsafe.Pointer) error {
	if event == nil {
		return nil
	}
	args := &eventAwaitArgs{structSize: sizeEventAwaitArgs, event: event}
	err := p.call(atEventAwait, doing, unsafe.Pointer(args))
	p.dropEvent(event)
	return err
}

func (p *Plugin) dropEvent(event unsafe.Pointer) {
	if event != nil {
		args := &eventDestroyArgs{structSize: sizeEventDestroyArgs, event: event}
		_ = p.call(atEventDestroy, "freeing an event", unsafe.Pointer(args))
	}
}

// text copies a string of the plugin's.
func text(from unsafe.Pointer, size uintptr) string {
	if from == nil {
		return ""
	}
	return string(unsafe.Slice((*byte)(from), size))
}
