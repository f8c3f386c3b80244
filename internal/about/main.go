// Command about prints in one line what computes the matrix products of a notebook.
package main

import (
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk"
)

func main() { fmt.Println(ntk.BLAS()) }
