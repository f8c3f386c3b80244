// Package languages has the languages in which an activation can be taken along.
package languages

import (
	"encoding/json"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/design"
)

// Language is one of them.
type Language struct {
	Name    string
	Ending  string // of a file's name
	Comment string // what begins one; "" where there are none
	Write   func(phi design.Exportable) (string, error)
}

// All are in the order in which they are offered.
var All = []Language{
	{"Go", "go", "//", func(phi design.Exportable) (string, error) {
		return design.GoSource(phi, "activation", "Phi")
	}},
	{"NumPy", "py", "#", func(phi design.Exportable) (string, error) {
		return design.NumPy(phi, "phi")
	}},
	{"PyTorch", "py", "#", func(phi design.Exportable) (string, error) {
		return design.PyTorch(phi, "Phi")
	}},
	{"JAX", "py", "#", func(phi design.Exportable) (string, error) {
		return design.JAX(phi, "phi")
	}},
	{"LaTeX", "tex", "%", func(phi design.Exportable) (string, error) {
		return design.LaTeX(phi)
	}},
	{"JSON", "json", "", func(phi design.Exportable) (string, error) {
		text, err := json.MarshalIndent(phi, "", "  ") // as design.Save writes it
		return string(text), err
	}},
}

// Source is φ below lines that say what it was made for, where the language has comments.
func (l Language) Source(phi design.Exportable, about []string) (string, error) {
	text, err := l.Write(phi)
	if err != nil {
		return "", err
	}
	head := ""
	if l.Comment != "" && len(about) > 0 {
		for _, line := range about {
			head += l.Comment + " " + line + "\n"
		}
		head += "\n"
	}
	return head + strings.TrimSpace(text) + "\n", nil
}
