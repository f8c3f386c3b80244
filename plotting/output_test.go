package plotting

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// small is a figure that is fast to draw.
func small() *Figure {
	f := New(
		Options{X: "cosine c", Y: "K(c)", Title: "c³ & <others>", Width: 3, Height: 2, DPI: 60})
	f.Func("c³", func(c float64) float64 { return c * c * c }, -1, 1)
	f.Points("data", []float64{0}, []float64{0})
	return f
}

func TestPixelsAreInchesTimesDPI(t *testing.T) {
	f := New(Options{Width: 3, Height: 2.5, DPI: 72})
	s := newSchematic(2, 1.5, 100)
	for _, tc := range []struct {
		name string
		d    Drawing
		w, h int
	}{
		{"figure", f, 216, 180},
		{"default figure", New(Options{}), 1344, 806}, // 7 × 4.2 inches at 192
		{"default grid", Panels([][]Drawing{{f}, {f}}, PanelOptions{}), 1344, 1037},
		{"grid", Panels([][]Drawing{{f, s}}, PanelOptions{Width: 5, Height: 2, DPI: 50}), 250, 100},
		{"schematic", s, 200, 150},
	} {
		b, err := PNG(tc.d)
		if err != nil {
			t.Fatal(tc.name, err)
		}
		c, err := png.DecodeConfig(bytes.NewReader(b))
		if err != nil {
			t.Fatal(tc.name, err)
		}
		if c.Width != tc.w || c.Height != tc.h {
			t.Errorf("%s: %d by %d pixels, want %d by %d", tc.name, c.Width, c.Height, tc.w, tc.h)
		}
	}
}

// svgTexts parses an SVG document and returns what is written in it, and the size it gives itself.
func svgTexts(t *testing.T, b []byte) (texts []string, width string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(b))
	inText := false
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts, width
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			inText = tok.Name.Local == "text"
			if tok.Name.Local == "svg" {
				for _, a := range tok.Attr {
					if a.Name.Local == "width" {
						width = a.Value
					}
				}
			}
		case xml.CharData:
			if inText {
				texts = append(texts, string(tok))
			}
		case xml.EndElement:
			inText = false
		}
	}
}

func TestSVG(t *testing.T) {
	b, err := SVG(small())
	if err != nil {
		t.Fatal(err)
	}
	texts, width := svgTexts(t, b)
	all := strings.Join(texts, "|") + "|"
	for _, want := range []string{"cosine c|", "K(c)|", "|data|", "|−1|", " & <others>|", "|c|3|"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not among the texts %q", want, all)
		}
	}
	if width != "216pt" {
		t.Errorf("width %q, want 216pt", width)
	}
	if !bytes.Contains(b, []byte("'Liberation Sans',Arial,Helvetica,sans-serif")) {
		t.Error("no fonts to fall back on")
	}
}

func TestSave(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder with spaces")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, magic := range map[string]string{"a.png": "\x89PNG", "b.svg": "<?xml",
		"C.PNG": "\x89PNG", "d.pdf": "%PDF", "e.csv": "panel,"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("older"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Save(small(), path); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(b), magic) {
			t.Errorf("%s starts with %q", name, b[:min(8, len(b))])
		}
	}

	for _, tc := range []struct{ path, want string }{
		{filepath.Join(dir, "a.eps"), `".eps" is none of .png, .svg, .pdf and .csv`},
		{filepath.Join(dir, "a"), `"" is none`},
	} {
		if err := Save(small(), tc.path); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Save(%q): %v, want %q", tc.path, err, tc.want)
		}
	}
	if err := Save(small(), filepath.Join(dir, "missing", "a.png")); !errors.Is(
		err, fs.ErrNotExist,
	) {
		t.Errorf("Save to a missing folder: %v", err)
	}

	// What cannot be drawn leaves the older file, what cannot be written leaves no trace.
	broken := New(Options{})
	broken.Line("net", nil, nil)
	if err := Save(broken, filepath.Join(dir, "a.png")); err == nil {
		t.Error("Save of a broken figure: no error")
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.png"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Save(small(), filepath.Join(dir, "folder.png")); err == nil {
		t.Error("Save over a folder: no error")
	}
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range es {
		names = append(names, e.Name())
	}
	if got, want := fmt.Sprint(names), "[C.PNG a.png b.svg d.pdf e.csv folder.png]"; got != want {
		t.Errorf("left in the folder: %s, want %s", got, want)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "a.png")); err != nil ||
		!strings.HasPrefix(string(b), "\x89PNG") {
		t.Errorf("the older picture is gone: %v", err)
	}
}

func TestDrawingTwiceGivesTheSameBytes(t *testing.T) {
	f := small()
	for _, encode := range []func(Drawing) ([]byte, error){PNG, SVG, pdfOf, csvOf, Files} {
		a, err := encode(f)
		if err != nil {
			t.Fatal(err)
		}
		b, err := encode(f)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Error("two drawings of one figure differ")
		}
	}
}
