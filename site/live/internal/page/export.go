package page

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/design"
)

// format is what φ can be written as; comment begins its first lines, "" where there are none.
type format struct {
	comment string
	text    func(design.Exportable) (string, error)
}

var formats = map[string]format{
	"go": {"// ", func(phi design.Exportable) (string, error) {
		return design.GoSource(phi, "activation", "Phi")
	}},
	"numpy": {"# ", func(phi design.Exportable) (string, error) {
		return design.NumPy(phi, "phi")
	}},
	"pytorch": {"# ", func(phi design.Exportable) (string, error) {
		return design.PyTorch(phi, "Phi")
	}},
	"jax":   {"# ", func(phi design.Exportable) (string, error) { return design.JAX(phi, "phi") }},
	"latex": {"% ", func(phi design.Exportable) (string, error) { return design.LaTeX(phi) }},
	"json": {"", func(phi design.Exportable) (string, error) {
		text, err := json.MarshalIndent(phi, "", "  ")
		return string(text), err
	}},
}

// exported writes φ in the chosen format, below what it is for.
func exported(
	v *values, phi design.Exportable, target string, off distance, out *Response,
) error {
	f := choice(v, "format", formats)
	if v.err != nil {
		return v.err
	}
	text, err := f.text(phi)
	if err != nil {
		return err
	}
	text = strings.TrimSpace(text) + "\n"
	if f.comment != "" {
		head := []string{"φ for the kernel K(c) = " + target,
			fmt.Sprintf("its kernel %s", off),
			"the NTK of one hidden layer, σ_w = 1, σ_b = 0, readout σ_w = 1, on ‖x‖² = d, in the " +
				"NTK parameterization"}
		text = f.comment + strings.Join(head, "\n"+f.comment) + "\n\n" + text
	}
	out.Texts["export"] = text
	return nil
}
