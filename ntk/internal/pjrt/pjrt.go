// Package pjrt runs programs on an accelerator, or on another processor that has a plugin of
// OpenXLA's PJRT interface: NVIDIA's, AMD's and Intel's GPUs, and the CPU. The plugin is a shared
// library that Python wheels bring along; it compiles StableHLO and needs no Python. It is loaded
// when [Load] is called, without cgo.
//
// Nothing but package device imports this package, so that programs that train on the CPU do not
// link it.
package pjrt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// EnvPlugin names the environment variable with the plugin's path.
const EnvPlugin = "KERNELSMITH_PJRT"

// plugins are the files of the wheels that are looked for in .venv, best first. That of the CPU,
// on which nothing is gained, is not among them; KERNELSMITH_PJRT can name it.
var plugins = []string{
	"jax_plugins/xla_cuda*/xla_cuda_plugin.so",
	"jax_plugins/xla_rocm*/xla_rocm_plugin.so",
	"jax_plugins/intel_extension_for_openxla/pjrt_plugin_xpu.so",
}

// Find returns the path of the plugin: the one that KERNELSMITH_PJRT names, or one in .venv of
// the module that holds the working directory.
func Find() (string, error) {
	if named := os.Getenv(EnvPlugin); named != "" {
		if _, err := os.Stat(named); err != nil {
			return "", fmt.Errorf("pjrt: %s=%s cannot be used: %w", EnvPlugin, named, err)
		}
		return named, nil
	}
	packages := "site-packages of .venv"
	if folder, ok := sitePackages(); ok {
		packages = folder
		for _, name := range plugins {
			found, _ := filepath.Glob(filepath.Join(escape(folder), name))
			if len(found) > 0 {
				return found[len(found)-1], nil // the newest of CUDA
			}
		}
	}
	return "", fmt.Errorf("pjrt: no plugin of a GPU in %s, and %s names none: \"make gpu\" "+
		"installs that of NVIDIA's GPUs", packages, EnvPlugin)
}

// sitePackages is where .venv of the module has its packages.
func sitePackages() (string, bool) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			found, _ := filepath.Glob(
				filepath.Join(escape(dir), ".venv", "lib", "python3*", "site-packages"))
			if len(found) == 0 {
				return "", false
			}
			return found[0], true
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	return "", false
}

// escape quotes the characters of a folder's name that Glob gives a meaning.
func escape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}

// Errors that callers tell apart with errors.Is.
var (
	// ErrNoDevice is for a plugin that finds no device that it can use.
	ErrNoDevice = errors.New("no device that the plugin can use")
	// ErrOutOfMemory is for what does not fit on the device.
	ErrOutOfMemory = errors.New("out of memory on the device")
	// ErrVersion is for a plugin that this package cannot speak to.
	ErrVersion = errors.New("another version of PJRT")
	// ErrLost is for a device that fails or that is there no longer.
	ErrLost = errors.New("the device failed")
)

// Error is an error of the plugin.
type Error struct {
	Doing   string // what failed: "compiling a program"
	Code    int    // of PJRT_Error_Code
	Message string // the plugin's own words
	Kind    error  // one of the errors above, or nil
}

// Error implements error.
func (e *Error) Error() string {
	kind := ""
	if e.Kind != nil {
		kind = e.Kind.Error() + ": "
	}
	return fmt.Sprintf("pjrt: %s: %s%s (%s)", e.Doing, kind, e.Message, codeName(e.Code))
}

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

// kindOf is the kind of an error of a program or a buffer.
func kindOf(code int, message string) error {
	switch code {
	case errorCodeResourceExhausted:
		return ErrOutOfMemory
	case errorCodeUnavailable, errorCodeAborted, errorCodeDataLoss:
		return ErrLost
	case errorCodeInternal:
		// What NVIDIA's driver calls a failed device; also a failed launch of a kernel.
		if strings.Contains(message, "CUDA_ERROR") || strings.Contains(message, "hipError") {
			return ErrLost
		}
	}
	if strings.Contains(message, "Unexpected PJRT_") { // the size of a struct
		return ErrVersion
	}
	return nil
}

var codeNames = map[int]string{
	errorCodeCancelled:          "cancelled",
	errorCodeUnknown:            "unknown",
	errorCodeInvalidArgument:    "invalid argument",
	errorCodeDeadlineExceeded:   "deadline exceeded",
	errorCodeNotFound:           "not found",
	errorCodeAlreadyExists:      "already exists",
	errorCodePermissionDenied:   "permission denied",
	errorCodeResourceExhausted:  "resource exhausted",
	errorCodeFailedPrecondition: "failed precondition",
	errorCodeAborted:            "aborted",
	errorCodeOutOfRange:         "out of range",
	errorCodeUnimplemented:      "unimplemented",
	errorCodeInternal:           "internal",
	errorCodeUnavailable:        "unavailable",
	errorCodeDataLoss:           "data loss",
	errorCodeUnauthenticated:    "unauthenticated",
}

func codeName(code int) string {
	if name, ok := codeNames[code]; ok {
		return name
	}
	return fmt.Sprintf("code %d", code)
}

// Number is what arrays on a device have.
type Number interface{ float32 | float64 | int32 }

// elementType is the PJRT_Buffer_Type of T.
func elementType[T Number]() int32 {
	var zero T
	switch any(zero).(type) {
	case float32:
		return bufferTypeF32
	case float64:
		return bufferTypeF64
	}
	return bufferTypeS32
}

// compileOptions is a CompileOptionsProto of OpenXLA: of its executable_build_options (field 3)
// one replica (4) and one partition (5), and that the program can run on any device
// (compile_portable_executable, 4).
var compileOptions = []byte{3<<3 | 2, 4, 4 << 3, 1, 5 << 3, 1, 4 << 3, 1}
