package data

import (
	"fmt"
	"os"
)

// loadedVariable names a file to which each set that is loaded adds a line: its name, a tab, its
// licence. What publishes notebooks sets it, so that a page says which data were used.
const loadedVariable = "KERNELSMITH_LOADED"

// loaded notes that ds was loaded. That the note cannot be written is no reason not to compute.
func loaded(ds *Dataset) {
	path := os.Getenv(loadedVariable)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintf(f, "%s\t%s\n", ds.Name, ds.Provenance.Licence)
}
