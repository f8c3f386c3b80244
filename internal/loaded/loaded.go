// Package loaded notes which data sets a program uses, for what publishes notebooks.
package loaded

import (
	"fmt"
	"os"
	"strings"
)

// Variable names the file to which each set that is used adds a line: its name, its licence and,
// of a stand-in, the set whose place it takes, with a tab between them.
const Variable = "KERNELSMITH_LOADED"

// Note adds the line of a set, if anyone asked for it; standsFor is empty for a set that is used
// as itself. That the line cannot be written is no reason not to compute.
func Note(name, licence, standsFor string) {
	path := os.Getenv(Variable)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	line := plain(name) + "\t" + plain(licence)
	if standsFor != "" {
		line += "\t" + plain(standsFor)
	}
	fmt.Fprintln(f, line)
}

// plain is s without tabs and line ends, which have a meaning in the file.
func plain(s string) string { return strings.Join(strings.Fields(s), " ") }
