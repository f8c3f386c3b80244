package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// notText is how files begin that are mistaken for text, with what they are.
var notText = []struct{ start, what string }{
	{"PK\x03\x04", "a ZIP archive, as .xlsx and .npz files are"},
	{"\x1f\x8b", "compressed by gzip"},
	{"BZh", "compressed by bzip2"},
	{"\xfd7zXZ", "compressed by xz"},
	{"\x28\xb5\x2f\xfd", "compressed by zstd"},
	{"\xd0\xcf\x11\xe0", "an Excel file (.xls)"},
	{"PAR1", "a Parquet file"},
	{"\x93NUMPY", "an array of NumPy (.npy)"},
	{"\x89HDF", "an HDF5 file"},
	{"%PDF-", "a PDF file"},
	{"<!doctype", "a page of HTML; a download may have gone wrong"},
	{"<html", "a page of HTML; a download may have gone wrong"},
}

const notTextRemedy = "give the text of the table itself"

// textReader returns the text in r as UTF-8 with a line feed at the end of each line, whatever
// the file has of that, or an error that names the encoding. name is that of an encoding, or
// empty for what the file seems to have; remedy says what to do with one that cannot be told.
func textReader(r io.Reader, file, name, remedy string) (io.Reader, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	head, err := br.Peek(1 << 12)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("data: reading %s: %w", file, err)
	}
	if err := checkText(head, file); err != nil {
		return nil, err
	}
	found, mark := guessEncoding(head)
	if name != "" {
		_, as, err := findEncoding(name)
		if err != nil {
			return nil, fmt.Errorf("data: %s: %w", file, err)
		}
		agrees := found == as || as == "UTF-16" && strings.HasPrefix(found, as)
		seems := "seems to be in"
		if mark > 0 {
			seems = "begins with the byte order mark of"
		}
		switch {
		case (mark > 0 || strings.HasPrefix(as, "UTF-16")) && !agrees:
			return nil, &FormatError{File: file, Line: 1, Column: 1,
				Problem: fmt.Sprintf("the file %s %s, and Encoding is %q", seems, found, name),
				Remedy:  "leave Encoding empty"}
		case !agrees:
			found = as
		}
	}
	if found == "UTF-32" {
		return nil, &FormatError{File: file, Problem: "the text is in UTF-32, which is not read",
			Remedy: "save it as UTF-8"}
	}
	_, _ = br.Discard(mark)
	t := &text{in: br, file: file, line: 1, column: 1, remedy: remedy}
	var decoder encoding.Encoding
	if decoder, t.encoding, err = findEncoding(found); err != nil {
		return nil, err
	}
	if decoder != nil {
		t.in = decoder.NewDecoder().Reader(br)
	}
	return t, nil
}

// checkText reports a file that is no text, by its start.
func checkText(head []byte, file string) error {
	start := head[:min(len(head), 16)]
	for _, k := range notText {
		if bytes.HasPrefix(start, []byte(k.start)) || k.start[0] == '<' &&
			bytes.HasPrefix(bytes.ToLower(start), []byte(k.start)) {
			return &FormatError{File: file, Problem: "the file is no text but " + k.what,
				Remedy: notTextRemedy}
		}
	}
	return nil
}

// guessEncoding returns UTF-8, UTF-16LE, UTF-16BE or UTF-32, and the length of the byte order
// mark that says so. Without one it goes by where zeros are: text of tables is mostly ASCII, whose
// other byte is zero in UTF-16.
func guessEncoding(head []byte) (name string, mark int) {
	for _, m := range []struct{ mark, name string }{
		{"\xff\xfe\x00\x00", "UTF-32"}, {"\x00\x00\xfe\xff", "UTF-32"},
		{"\xff\xfe", "UTF-16LE"}, {"\xfe\xff", "UTF-16BE"}, {"\xef\xbb\xbf", "UTF-8"},
	} {
		if bytes.HasPrefix(head, []byte(m.mark)) {
			return m.name, len(m.mark)
		}
	}
	var zeros [4]int
	for i, b := range head {
		if b == 0 {
			zeros[i%4]++
		}
	}
	even, odd := zeros[0]+zeros[2], zeros[1]+zeros[3]
	switch least := len(head) / 8; {
	case odd > least && even == 0:
		return "UTF-16LE", 0
	case even > least && odd == 0:
		return "UTF-16BE", 0
	case len(head) >= 8 && zeros[1]+zeros[2] >= len(head)/4*2 &&
		(zeros[0] == 0) != (zeros[3] == 0):
		return "UTF-32", 0
	}
	return "UTF-8", 0
}

// findEncoding returns the encoding of a name, nil for UTF-8, and its name as it is written here.
func findEncoding(name string) (encoding.Encoding, string, error) {
	plain := func(s string) string {
		return strings.NewReplacer("-", "", "_", "", " ", "", ":", "").Replace(strings.ToLower(s))
	}
	switch plain(name) {
	case "utf8":
		return nil, "UTF-8", nil
	case "utf16":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "UTF-16", nil
	case "utf16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "UTF-16LE", nil
	case "utf16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "UTF-16BE", nil
	case "latin1":
		name = "ISO 8859-1"
	case "cp1252":
		name = "Windows 1252"
	}
	var names []string
	for _, e := range charmap.All {
		s, ok := e.(fmt.Stringer)
		if ok && plain(s.String()) == plain(name) {
			return e, s.String(), nil
		} else if ok {
			names = append(names, s.String())
		}
	}
	return nil, "", fmt.Errorf("no encoding is known as %q; there are UTF-8, UTF-16, UTF-16LE, "+
		"UTF-16BE, %s", name, strings.Join(names, ", "))
}

// text reads UTF-8, reports what is none, and ends lines with a line feed where the file ends
// them with a carriage return alone.
type text struct {
	in           io.Reader
	file         string
	encoding     string // that in was decoded from
	remedy       string
	line, column int  // of the next byte
	ends         byte // what ends lines, '\n' or '\r'; 0 before the first end
	buffer       [1 << 15]byte
	held         int    // bytes at the start of buffer that wait for those after them
	ready        []byte // read, checked and not yet given
	err          error
}

// Read implements io.Reader.
func (t *text) Read(p []byte) (int, error) {
	for len(t.ready) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		t.fill()
	}
	n := copy(p, t.ready)
	t.ready = t.ready[n:]
	return n, nil
}

// fill reads a piece into ready.
func (t *text) fill() {
	n, err := t.in.Read(t.buffer[t.held:])
	b := t.buffer[:t.held+n]
	t.err = err
	keep := 0 // bytes at the end that wait for more
	if err == nil {
		for k := 1; k < utf8.UTFMax && k <= len(b); k++ {
			if tail := b[len(b)-k:]; utf8.RuneStart(tail[0]) {
				if !utf8.FullRune(tail) {
					keep = k
				}
				break
			}
		}
		if t.ends == 0 && keep == 0 && bytes.HasSuffix(b, []byte("\r")) {
			keep = 1
		}
	}
	b = b[:len(b)-keep]
	t.endLines(b)
	if bad := t.firstBad(b); bad >= 0 {
		t.advance(b[:bad])
		t.err = t.badByte(b[bad:])
		return // a line that is not whole would be read as one that is wrong
	}
	t.advance(b)
	t.ready = bytes.Clone(b)
	t.held = copy(t.buffer[:], t.buffer[len(b):len(b)+keep])
}

// endLines finds out what ends lines, and makes line feeds of carriage returns that do alone.
func (t *text) endLines(b []byte) {
	if i := bytes.IndexAny(b, "\r\n"); t.ends == 0 && i >= 0 {
		t.ends = '\n'
		if b[i] == '\r' && !bytes.HasPrefix(b[i+1:], []byte("\n")) {
			t.ends = '\r'
		}
	}
	if t.ends != '\r' {
		return
	}
	for i, c := range b {
		if c == '\r' {
			b[i] = '\n'
		}
	}
}

// firstBad returns the index of the first byte that is not of a text, or −1.
func (t *text) firstBad(b []byte) int {
	if t.encoding != "UTF-8" {
		// Decoders put U+FFFD in the place of what has no meaning. The control characters of
		// ISO 8859 are printed ones in other encodings, and in no table.
		return bytes.IndexFunc(b, func(r rune) bool {
			return r == 0 || r == utf8.RuneError || 0x80 <= r && r < 0xa0 && r != 0x85
		})
	}
	zero := bytes.IndexByte(b, 0)
	if utf8.Valid(b) {
		return zero
	}
	for i := 0; ; {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size < 2 || i == zero {
			return i
		}
		i += size
	}
}

func (t *text) badByte(b []byte) error {
	e := &FormatError{File: t.file, Line: t.line, Column: t.column, Remedy: t.remedy}
	switch {
	case b[0] == 0:
		e.Problem, e.Remedy = "a zero byte, so the file is no text in "+t.encoding, notTextRemedy
	case t.encoding != "UTF-8":
		e.Problem = "the text is not in " + t.encoding + ": what is here has no meaning in it"
	default:
		e.Problem = fmt.Sprintf("the byte 0x%X is not of a text in UTF-8, so the encoding is "+
			"another, such as ISO 8859-1 (Latin-1) or Windows 1252", b[0])
	}
	return e
}

// advance moves line and column past b.
func (t *text) advance(b []byte) {
	if n := bytes.Count(b, []byte("\n")); n > 0 {
		t.line += n
		t.column = 1
		b = b[bytes.LastIndexByte(b, '\n')+1:]
	}
	t.column += len(b)
}
