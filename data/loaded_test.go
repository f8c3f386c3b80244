package data

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLoadedSetsAreNoted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "loaded")
	t.Setenv(loadedVariable, path)
	iris, wine := mustEmbedded("iris"), Wine()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "iris\t" + iris.Provenance.Licence + "\nwine\t" + wine.Provenance.Licence +
		"\n"; string(
		got,
	) != want {
		t.Errorf("noted %q, want %q", got, want)
	}
	t.Setenv(loadedVariable, filepath.Join(path, "no folder"))
	mustEmbedded("iris") // must not fail
}
