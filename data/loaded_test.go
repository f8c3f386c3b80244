package data

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/loaded"
)

func TestLoadedSetsAreNoted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "loaded")
	t.Setenv(loaded.Variable, path)
	iris, wine := mustEmbedded("iris"), Wine()
	got, err := os.ReadFile(path)
	want := "iris\t" + iris.Provenance.Licence + "\nwine\t" + wine.Provenance.Licence + "\n"
	if err != nil || string(got) != want {
		t.Errorf("noted %q, %v, want %q", got, err, want)
	}
}
