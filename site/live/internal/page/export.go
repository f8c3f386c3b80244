package page

import (
	"fmt"
	"strings"

	"github.com/kernelsmith/kernelsmith/internal/languages"
	"github.com/kernelsmith/kernelsmith/ntk/design"
)

var formats = byName()

// byName are the languages by the values of the page's choice.
func byName() map[string]languages.Language {
	all := map[string]languages.Language{}
	for _, l := range languages.All {
		all[strings.ToLower(l.Name)] = l
	}
	return all
}

// exported writes φ in the chosen format, below what it is for.
func exported(
	v *values, phi design.Exportable, target string, off distance, out *Response,
) error {
	f := choice(v, "format", formats)
	if v.err != nil {
		return v.err
	}
	text, err := f.Source(phi, []string{"φ for the kernel K(c) = " + target,
		fmt.Sprintf("its kernel %s", off),
		"the NTK of one hidden layer, σ_w = 1, σ_b = 0, readout σ_w = 1, on ‖x‖² = d, in the " +
			"NTK parameterization"})
	if err != nil {
		return err
	}
	out.Texts["export"] = text
	return nil
}
