package ntk_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// Imports point one way: hermite, internal ← ntk ← inverse ← design ← cnn; ntk ← train ← fcn, cnn,
// device; regress and spectra beside them, study and designer on top; plotting and data
// import none of ntk, and gonbui only plotting and plotting/live. Nothing imports the site.
func TestImportDirections(t *testing.T) {
	const module = "github.com/kernelsmith/kernelsmith/"
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string][]string{
		"bench": {"internal/atomicfile", "ntk", "ntk/cnn", "ntk/design", "ntk/device", "ntk/fcn",
			"ntk/regress", "ntk/spectra", "ntk/train"},
		"internal/about":      {"ntk"},
		"internal/atomicfile": {},
		"ntk": {
			"ntk/internal/gram",
			"ntk/internal/gauss",
			"ntk/hermite",
			"ntk/internal/accel",
			"ntk/internal/quadrature",
			"ntk/internal/series",
			"ntk/internal/special",
			"ntk/internal/vec32",
		},
		"ntk/inverse": {"ntk", "ntk/hermite", "ntk/internal/gauss", "ntk/internal/nnls",
			"ntk/internal/quadrature", "ntk/internal/series", "ntk/internal/special"},
		"ntk/internal/quadrature": {},
		"ntk/internal/series":     {},
		"ntk/internal/gram": {"ntk/internal/accel", "ntk/internal/gauss",
			"ntk/internal/parallel", "ntk/internal/series", "ntk/internal/special",
			"ntk/internal/vec64"},
		"ntk/hermite": {"ntk/internal/gauss", "ntk/internal/parallel", "ntk/internal/quadrature",
			"ntk/internal/series", "ntk/internal/special"},
		"ntk/fcn": {
			"ntk",
			"ntk/train",
			"ntk/internal/accel",
			"ntk/internal/finitenet",
			"ntk/internal/npz",
			"ntk/internal/parallel",
			"ntk/internal/rows",
			"internal/atomicfile",
			"ntk/internal/vec32",
		},
		"ntk/cnn": {
			"ntk",
			"ntk/design",
			"ntk/train",
			"ntk/internal/accel",
			"ntk/internal/finitenet",
			"ntk/internal/gauss",
			"ntk/internal/gram",
			"ntk/internal/nnls",
			"ntk/internal/npz",
			"ntk/internal/parallel",
			"ntk/internal/rows",
			"ntk/internal/series",
			"ntk/internal/vec32",
			"ntk/inverse",
			"internal/atomicfile",
		},
		"ntk/train": {
			"internal/regular",
			"ntk",
			"ntk/internal/parallel",
			"ntk/internal/rows",
			"ntk/internal/seed",
			"ntk/internal/special",
			"ntk/internal/vec32",
		},
		"ntk/device":      {"ntk", "ntk/internal/pjrt", "ntk/train"},
		"ntk/device/list": {"ntk/device"},
		"ntk/design": {
			"ntk",
			"ntk/inverse",
			"ntk/hermite",
			"internal/atomicfile",
			"ntk/internal/gauss",
			"ntk/internal/parallel",
			"ntk/internal/quadrature",
			"ntk/internal/special",
			"ntk/internal/vec32",
		},
		"ntk/kerneltest": {"ntk", "ntk/internal/quadrature", "ntk/inverse"},
		"ntk/regress": {"ntk", "ntk/inverse", "internal/atomicfile", "internal/regular",
			"ntk/internal/accel", "ntk/internal/parallel", "ntk/internal/simplex",
			"ntk/internal/tiled"},
		"ntk/spectra": {"ntk", "ntk/internal/accel", "ntk/internal/parallel",
			"ntk/internal/quadrature", "ntk/internal/simplex", "ntk/internal/tiled",
			"ntk/inverse"},
		"ntk/designer": {"internal/languages", "ntk",
			"ntk/design", "ntk/internal/special", "ntk/inverse", "plotting",
			"plotting/live"},
		"ntk/study": {
			"data",
			"internal/atomicfile",
			"internal/loaded",
			"internal/records",
			"internal/regular",
			"plotting",
			"ntk",
			"ntk/cnn",
			"ntk/fcn",
			"ntk/internal/accel",
			"ntk/regress",
			"ntk/train",
		},
		"ntk/internal/accel":     {"ntk/internal/parallel"},
		"ntk/internal/pjrt":      {},
		"ntk/internal/pjrt/gen":  {},
		"ntk/internal/pjrttest":  {"ntk/internal/pjrt"},
		"ntk/internal/finitenet": {"ntk", "ntk/internal/parallel", "ntk/internal/seed"},
		"ntk/internal/nnls":      {"ntk/internal/special"},
		"ntk/internal/simplex":   {},
		"ntk/internal/special":   {"ntk/internal/quadrature"},
		"ntk/internal/gauss":     {"ntk/internal/quadrature", "ntk/internal/special"},
		"ntk/internal/vec32":     {},
		"ntk/internal/vec64":     {"ntk/internal/vec32"},
		"plotting":               {"internal/atomicfile"},
		"plotting/live":          {"plotting"},
		"data": {"internal/imagesets", "internal/jmlr", "internal/loaded",
			"internal/locate", "internal/regular"},
		"data/fetch": {"internal/download", "internal/imagesets", "internal/jmlr"},
		"internal/download": {"data", "internal/atomicfile", "internal/imagesets",
			"internal/jmlr", "internal/locate", "internal/regular"},
		"internal/elsewhere":         {},
		"internal/fuzzinput":         {},
		"internal/imagesets":         {"internal/locate"},
		"internal/jmlr":              {"internal/locate"},
		"internal/hostile":           {},
		"internal/locate":            {},
		"internal/loaded":            {},
		"internal/records":           {"internal/atomicfile", "internal/regular"},
		"internal/regular":           {},
		"internal/languages":         {"ntk/design"},
		"site/gallery":               {"internal/languages", "ntk/design"},
		"site/live/build":            {"internal/atomicfile", "site/live/internal/page"},
		"site/live/internal/chart":   {},
		"site/live/internal/formula": {"ntk"},
		"site/live/internal/page": {"internal/languages", "ntk",
			"ntk/design", "ntk/fcn", "ntk/inverse", "ntk/train",
			"site/live/internal/chart", "site/live/internal/formula"},
		"ntk/internal/npz":        {"internal/regular"},
		"ntk/internal/parallel":   {},
		"ntk/internal/pythontest": {},
		"ntk/internal/rows":       {},
		"ntk/internal/seed":       {},
		"ntk/internal/threadtest": {"ntk/internal/accel"},
		"ntk/internal/tiled":      {"ntk/internal/accel", "ntk/internal/parallel"},
	}
	seen := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, module)
		if name == mine || strings.HasPrefix(name, mine+"/") {
			continue
		}
		may, known := allowed[name]
		if !known {
			t.Errorf("package %s has no place in the table of imports", name)
		}
		seen++
		for _, i := range p.Imports {
			if strings.HasPrefix(i, "github.com/janpfeifer/gonb") && name != "plotting" &&
				name != "plotting/live" {
				t.Errorf("%s imports %s; only plotting and plotting/live may", name, i)
			}
			if own, ok := strings.CutPrefix(i, module); ok &&
				!strings.Contains(" "+strings.Join(may, " ")+" ", " "+own+" ") {
				t.Errorf("%s imports %s", name, own)
			}
		}
	}
	if seen != len(allowed) {
		t.Errorf("%d packages seen, %d in the table", seen, len(allowed))
	}
}
