//go:build unix

package regress

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/hostile"
	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/mat"
)

// The state that an iteration left, of regression with all rows and with landmarks.
func TestHostileCheckpoints(t *testing.T) {
	gram, y := hard(40)
	few := mat.NewSymDense(20, nil)
	few.CopySym(gram.SliceSym(0, 20))
	cross := mat.DenseCopyOf(gram).Slice(0, 40, 0, 20)
	dir := hostile.Folder(t)
	path := filepath.Join(dir, "state")
	s := &SolveSettings{Ridge: 1e-2, Method: landmarksMethod, Checkpoint: path}
	of := *s
	of.Method = ""
	for name, solve := range map[string]func() (*Fit, error){
		"Solve": func() (*Fit, error) { return Solve(t.Context(), ntk.MatrixTiles(gram), y, s) },
		"FitLandmarks": func() (*Fit, error) {
			return FitLandmarks(t.Context(), ntk.MatrixTiles(cross), ntk.MatrixTiles(few), y, &of)
		},
	} {
		if _, err := solve(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		hostile.Reader{Name: "state", Folder: dir, Good: good,
			Read: func(string) (any, error) {
				fit, err := solve()
				if err != nil {
					return nil, err
				}
				return fit.Weights, nil
			}}.Check(t)
	}
}
