// Command list shows the accelerators that package device finds, or why there are none.
package main

import (
	"fmt"
	"os"

	"github.com/kernelsmith/kernelsmith/ntk/device"
)

func main() {
	d, err := device.Open()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(d)
}
