package loaded

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "loaded")
	t.Setenv(Variable, path)
	Note("iris", "CC BY 4.0", "")
	Note("wine", "CC BY 4.0", "wine-quality-red")
	Note("my\ttable", "mine,\nall of it", "")
	got, err := os.ReadFile(path)
	want := "iris\tCC BY 4.0\nwine\tCC BY 4.0\twine-quality-red\nmy table\tmine, all of it\n"
	if err != nil || string(got) != want {
		t.Errorf("noted %q, %v, want %q", got, err, want)
	}
	t.Setenv(Variable, filepath.Join(path, "no folder"))
	Note("iris", "", "") // must not fail
}
