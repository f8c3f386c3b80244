package designer

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/design"
)

// formats are what φ can be written as: how a comment begins there, "" where there are none.
var formats = []struct {
	name, ending, comment string
	text                  func(design.Exportable) (string, error)
}{
	{"Go", "go", "//", func(phi design.Exportable) (string, error) {
		text, err := design.GoSource(phi, "activation", "Phi")
		// Else the files beside a notebook would be a package with many Phi.
		return "//go:build ignore\n\n" + text, err
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

// source is φ in a format, below what it was made for.
func source(format int, phi design.Exportable, about []string) (string, error) {
	f := formats[format]
	text, err := f.text(phi)
	if err != nil {
		return "", err
	}
	head := ""
	if f.comment != "" {
		for _, line := range about {
			head += f.comment + " " + line + "\n"
		}
		head += "\n"
	}
	return head + strings.TrimSpace(text) + "\n", nil
}

// notInNames are the letters of a kernel's name that a file's name leaves out.
var notInNames = regexp.MustCompile(`[^a-z0-9.]+`)

// fileName is kept-<kernel>-<language>.<ending>.
func fileName(kernel string, format int) string {
	word := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(kernel), "-"), "-.")
	return fmt.Sprintf("kept-%s-%s", word, strings.ToLower(formats[format].name))
}

// write writes the text beside the notebook, under a name that is not taken, and says where.
func write(text, kernel string, format int) (string, error) {
	name := fileName(kernel, format)
	for number := 1; ; number++ {
		path := name + "." + formats[format].ending
		if number > 1 {
			path = fmt.Sprintf("%s-%d.%s", name, number, formats[format].ending)
		}
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if os.IsExist(err) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("designer: the export could not be written: %w", err)
		}
		_, err = file.WriteString(text)
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err != nil {
			os.Remove(path) // nothing half-written
			return "", fmt.Errorf("designer: the export could not be written: %w", err)
		}
		if whole, err := filepath.Abs(path); err == nil {
			path = whole
		}
		return path, nil
	}
}
