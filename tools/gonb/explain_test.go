package goexec

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

const (
	library = "lib.Must[...](...)\n\t/lib/must.go:9\n"
	inCell  = "main.main()\n\t/tmp/gonb_1/main.go:12 +0xcd\n"
	worker  = "lib.work(0x1, {0x2, 0x3})\n\t/lib/work.go:7 +0x1\n" +
		"created by lib.Run in goroutine 1\n\t/lib/run.go:5 +0x2\n"
	one   = "goroutine 1 [running]:\n"
	seven = "goroutine 7 [chan receive, 2 minutes]:\n"
)

func TestTraceCutter(t *testing.T) {
	for name, c := range map[string]struct{ said, want string }{
		"no panic": {"10%\r20%", "10%\r20%"},
		"the cell's line": {
			"a\npanic: no\n\n" + one + library + inCell,
			"a\npanic: no\n\n" + inCell,
		},
		"no line of a cell": {"panic: no\n\n" + seven + worker, "panic: no\n\n" + seven + worker},
		"several goroutines": {
			"fatal error: no\n\n" + one + inCell + "\n" + seven + worker,
			"fatal error: no\n\n" + inCell,
		},
		"not asked to": {one + library + inCell, one + library + inCell},
		"what comes after": {
			"panic: no\n\n" + one + library + inCell + "after (x)\nand\nmore",
			"panic: no\n\n" + inCell + "after (x)\nand\nmore",
		},
		"no line end": {"panic: no", "panic: no"},
		"a trace without one": {
			"panic: no\n\n" + one + strings.TrimSuffix(library+inCell, "\n"),
			"panic: no\n\n" + strings.TrimSuffix(inCell, "\n"),
		},
	} {
		for _, from := range []io.Reader{
			iotest.DataErrReader(strings.NewReader(c.said)),
			iotest.OneByteReader(strings.NewReader(c.said)),
		} {
			var got bytes.Buffer
			read, err := io.Copy(&traceCutter{Writer: &got, file: "gonb_1/main.go"}, from)
			if err != nil || read != int64(len(c.said)) || got.String() != c.want {
				t.Errorf(
					"%s: %q, %d bytes read, %v; want %q",
					name,
					got.String(),
					read,
					err,
					c.want,
				)
			}
		}
	}
}

func TestTraceCutterDoesNotWaitForTheLineToEnd(t *testing.T) {
	c := traceCutter{}
	if got := c.take([]byte("panic")); got != "panic" {
		t.Errorf("%q", got)
	}
	if got := c.take([]byte(": a\nb\nc")); got != ": a\nb\n" {
		t.Errorf("%q", got)
	}
}

func TestExplain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "main.go")
	source := "package main\n\nfunc main() {\n\ta, b := f()\n\tvar c, d int\n\ttype e int\n" +
		"\tfor g := range 3 {\n\t}\n\th = 1\n}\n\nfunc k() { l := 1 }\n"
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	remember(path, 6, func(line int) int { return 10 + line })
	for _, c := range []struct{ said, want string }{
		{"main.go:4:13: undefined: a", "a was made below %% in cell [13], and"},
		{"main.go:4:13: undefined: b.Do\n", "b was made"},
		{"main.go:4:13: undefined: d\nmain.go:5:13: undefined: d",
			"d was made below %% in cell [14], and"},
		{"main.go:4:13: undefined: e", "e was made below %% in cell [15], and"},
		{"/tmp/main.go:3:1: expected declaration, found fmt", "start the cell with %%"},
		{"/tmp/main.go:3:1: expected declaration, found 'for' (and 1 more)",
			"start the cell with %%"},
		{"main.go:4:13: 1 + 2 (untyped int constant 3) is not used", "print it with fmt.Println"},
		{"main.go:4:13: x.y (variable of type []float64) is not used", "print it with fmt.Println"},
		{"main.go:4:13: undefined: exp", "exp is math.Exp, with \"math\" imported"},
		{"main.go:4:6: assignment mismatch: 1 variable but ntk.FromFunc returns 2 values",
			"ntk.Must"},
		{"main.go:4:9: invalid operation: operator ^ not defined on c (variable of type float64)",
			"c² is c*c"},
		{"main.go:4:9: invalid operation: cannot indirect 2 (untyped int constant)", "c² is c*c"},
		{"main.go:4:6: assignment mismatch: 2 variables but f returns 1 value", ""},
		{"/tmp/main.go:9:1: expected declaration, found '}' (and 1 more error)", ""},
		{"main.go:4:13: undefined: g", ""},
		{"main.go:4:13: undefined: h", ""},
		{"main.go:4:13: undefined: l", ""},
		{"main.go:4:13: declared and not used: x", ""},
	} {
		said, want := c.said, c.want
		got, found := strings.CutPrefix(explain(said), strings.TrimSpace(said))
		if !found || want == "" && strings.TrimSpace(got) != "" || !strings.Contains(got, want) ||
			strings.Count(got, " was made ") > 1 {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

func TestInComment(t *testing.T) {
	lines := strings.Split("%%\na := \"//\" // of a\n/* more\nof it */ b := 1", "\n")
	for _, c := range []struct {
		line, column int
		want         bool
	}{
		{0, 1, false}, {1, 0, false}, {1, 7, false}, {1, 14, true}, {1, 17, true}, {2, 4, true},
		{3, 2, true}, {3, 9, false}, {3, 99, false}, {9, 0, false},
	} {
		if got := inComment(lines, c.line, c.column); got != c.want {
			t.Errorf("line %d, column %d: %v", c.line, c.column, got)
		}
	}
}
