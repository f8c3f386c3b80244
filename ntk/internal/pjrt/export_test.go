//go:build linux && amd64

package pjrt

import "unsafe"

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
