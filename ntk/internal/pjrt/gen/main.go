// Command gen writes the part of PJRT's C interface that package pjrt uses as Go: structs of the
// layout of C's, their sizes, the places of functions in the table, and constants. It reads the
// header pjrt_c_api.h of OpenXLA, which is not kept here:
//
//	go run ./ntk/internal/pjrt/gen pjrt_c_api.h ntk/internal/pjrt/api.go
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gen pjrt_c_api.h api.go")
		os.Exit(2)
	}
	if err := generate(os.Args[1], os.Args[2], wanted); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func generate(from, to string, w selection) error {
	source, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	h, err := parse(string(source))
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	code, err := write(h, w)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return os.WriteFile(to, code, 0o644)
}

// selection is what is taken over from the header.
type selection struct {
	functions []string // with a struct of their arguments, named …_Args
	structs   []string // beside those
	enums     []string
}

var wanted = selection{
	functions: []string{
		"PJRT_Error_Destroy", "PJRT_Error_Message", "PJRT_Error_GetCode",
		"PJRT_Plugin_Initialize",
		"PJRT_Event_Destroy", "PJRT_Event_Await",
		"PJRT_Client_Create", "PJRT_Client_Destroy", "PJRT_Client_PlatformName",
		"PJRT_Client_PlatformVersion", "PJRT_Client_AddressableDevices", "PJRT_Client_Compile",
		"PJRT_Client_BufferFromHostBuffer",
		"PJRT_Device_GetDescription", "PJRT_DeviceDescription_Kind",
		"PJRT_LoadedExecutable_GetExecutable", "PJRT_LoadedExecutable_Execute",
		"PJRT_LoadedExecutable_Destroy", "PJRT_Executable_NumOutputs", "PJRT_Executable_Destroy",
		"PJRT_Buffer_Destroy", "PJRT_Buffer_ElementType", "PJRT_Buffer_Dimensions",
		"PJRT_Buffer_ToHostBuffer",
	},
	structs: []string{
		"PJRT_NamedValue", "PJRT_Program", "PJRT_ExecuteOptions",
	},
	enums: []string{
		"PJRT_Error_Code", "PJRT_NamedValue_Type", "PJRT_Buffer_Type", "PJRT_HostBufferSemantics",
	},
}
