package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/site/live/internal/page"
)

// The page has each control with its label, figures that stand there at first, and no markup that
// the templates refused.
func TestPageText(t *testing.T) {
	raw, err := pageText("..", 3_600_000)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, p := range parts {
		for _, c := range page.Controls(p.name) {
			id := p.name + "-" + c.Name
			label, control := `<label for="`+id+`">`, ` id="`+id+`" name="`+c.Name+`"`
			for _, want := range []string{label, control} {
				if strings.Count(text, want) != 1 {
					t.Errorf("%s is there %d times", want, strings.Count(text, want))
				}
			}
		}
	}
	if n := strings.Count(text, "<svg "); n != 8 {
		t.Errorf("%d figures, want 8", n)
	}
	if n := strings.Count(text, `class="line formula`); n != 12 {
		t.Errorf("the designed net has %d lines, want 12", n)
	}
	for _, bad := range []string{"ZgotmplZ", "<no value>", "{{", `="&#34;`} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	kept := regexp.MustCompile(`(?s)<script type="application/json">(.*?)</script>`)
	found := kept.FindAllStringSubmatch(text, -1)
	if len(found) != 2 {
		t.Fatalf("%d fits are kept, want 2", len(found))
	}
	for _, m := range found {
		var fit struct{ Design json.RawMessage }
		if err := json.Unmarshal([]byte(m[1]), &fit); err != nil || len(fit.Design) < 100 {
			t.Errorf("what is kept of a fit is %q: %v", m[1], err)
		}
	}
	if !strings.Contains(text, "3.6 MB") {
		t.Error("the page does not say how much it loads")
	}
}

// What the page unpacks is the program and the worker, and changes with them.
func TestPacked(t *testing.T) {
	program, worker := bytes.Repeat([]byte("program "), 1000), []byte("const a = \"<b>\";\n")
	script, err := packed(program, worker)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?s)^globalThis.kernelsmithLive = \{\n` +
		`worker: (.*),\nwasm: "(.*)" \};\n$`).FindSubmatch(script)
	if m == nil {
		t.Fatalf("the script is %.200s", script)
	}
	var source string
	if err := json.Unmarshal(m[1], &source); err != nil || source != string(worker) {
		t.Errorf("the worker is %q: %v", source, err)
	}
	zipped, err := base64.StdEncoding.DecodeString(string(m[2]))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, program) {
		t.Errorf("the program is %.50q: %v", got, err)
	}
}

// A file that has its text already is not touched.
func TestWriteLeavesWhatIsTheSame(t *testing.T) {
	b := builder{folder: t.TempDir()}
	if err := b.write("a", []byte("one")); err != nil {
		t.Fatal(err)
	}
	first, err := os.Stat(b.folder + "/a")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.write("a", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if again, err := os.Stat(b.folder + "/a"); err != nil || !os.SameFile(first, again) {
		t.Errorf("the same text was written anew (%v)", err)
	}
	if err := b.write("a", []byte("two")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(b.folder + "/a"); string(got) != "two" {
		t.Errorf("the text is %q", got)
	}
}

func TestArguments(t *testing.T) {
	if err := run(nil); err == nil || !strings.Contains(err.Error(), "a folder to write to") {
		t.Errorf("without arguments: %v", err)
	}
}
