package designer

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kernelsmith/kernelsmith/internal/languages"
	"github.com/kernelsmith/kernelsmith/ntk/design"
)

// formats are what φ can be written as.
var formats = besideNotebooks()

// besideNotebooks are the languages, of which files in Go would else be a package with many Phi.
func besideNotebooks() []languages.Language {
	all := slices.Clone(languages.All)
	for i, l := range all {
		if l.Name == "Go" {
			all[i].Write = func(phi design.Exportable) (string, error) {
				text, err := l.Write(phi)
				return "//go:build ignore\n\n" + text, err
			}
		}
	}
	return all
}

// notInNames are the letters of a kernel's name that a file's name leaves out.
var notInNames = regexp.MustCompile(`[^a-z0-9.]+`)

// fileName is kept-<kernel>-<language>.<ending>.
func fileName(kernel string, format int) string {
	word := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(kernel), "-"), "-.")
	return fmt.Sprintf("kept-%s-%s", word, strings.ToLower(formats[format].Name))
}

// write writes the text beside the notebook, under a name that is not taken, and says where.
func write(text, kernel string, format int) (string, error) {
	name := fileName(kernel, format)
	for number := 1; ; number++ {
		path := name + "." + formats[format].Ending
		if number > 1 {
			path = fmt.Sprintf("%s-%d.%s", name, number, formats[format].Ending)
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
