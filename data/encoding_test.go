package data

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// inUTF16 returns text in UTF-16, its high bytes first or last.
func inUTF16(text string, high int) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		pair := [2]byte{byte(u), byte(u)}
		pair[high], pair[1-high] = byte(u>>8), byte(u)
		b = append(b, pair[:]...)
	}
	return string(b)
}

// inLatin1 returns text with a byte for each of its characters.
func inLatin1(text string) string {
	var b []byte
	for _, r := range text {
		b = append(b, byte(r))
	}
	return string(b)
}

const encodedTable = "größe,a,art\n1.5,2,weiß\n-3,4e2,blüte\n"

// One table in all encodings and with all ends of lines, read whole and byte by byte.
func TestEncodings(t *testing.T) {
	cr := strings.ReplaceAll(encodedTable, "\n", "\r")
	crlf := strings.ReplaceAll(encodedTable, "\n", "\r\n")
	for name, test := range map[string]struct{ text, encoding string }{
		"UTF-8":                    {encodedTable, ""},
		"UTF-8 said":               {encodedTable, "utf8"},
		"UTF-8, mark":              {"\ufeff" + encodedTable, ""},
		"UTF-8, mark and said":     {"\ufeff" + encodedTable, "UTF-8"},
		"CR":                       {cr, ""},
		"CR, no last":              {strings.TrimSuffix(cr, "\r"), ""},
		"CRLF":                     {crlf, ""},
		"UTF-16LE, mark":           {inUTF16("\ufeff"+crlf, 1), ""},
		"UTF-16BE, mark":           {inUTF16("\ufeff"+encodedTable, 0), ""},
		"UTF-16LE, mark, said":     {inUTF16("\ufeff"+encodedTable, 1), "UTF-16"},
		"UTF-16LE":                 {inUTF16(encodedTable, 1), ""},
		"UTF-16BE, CR":             {inUTF16(cr, 0), ""},
		"UTF-16BE, said in part":   {inUTF16(encodedTable, 0), "utf16"},
		"UTF-16LE, said":           {inUTF16(encodedTable, 1), "utf_16 le"},
		"Latin-1":                  {inLatin1(encodedTable), "latin1"},
		"Latin-1, CR":              {inLatin1(cr), "ISO8859-1"},
		"Windows":                  {inLatin1(encodedTable), "cp1252"},
		"Windows by its long name": {inLatin1(encodedTable), "Windows-1252"},
	} {
		for _, r := range []func(string) (*Dataset, error){
			func(s string) (*Dataset, error) {
				return ReadCSV(strings.NewReader(s), CSVSettings{Encoding: test.encoding})
			},
			func(s string) (*Dataset, error) {
				return ReadCSV(iotest.OneByteReader(strings.NewReader(s)),
					CSVSettings{Encoding: test.encoding})
			},
		} {
			ds, err := r(test.text)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if diff := cmp.Diff([][]float64{{1.5, 2}, {-3, 400}}, raw(ds.X)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			got := strings.Join(append(ds.FeatureNames, ds.ClassNames...), " ")
			if got != "größe a blüte weiß" || !cmp.Equal(ds.Labels, []int{1, 0}) {
				t.Errorf("%s: %s, %v", name, got, ds.Labels)
			}
		}
	}
}

// What cannot be read is an error that says what the file is.
func TestEncodingErrors(t *testing.T) {
	long := "a,b,c\n" + strings.Repeat("1,2,x\n3,4,y\n", 1<<13)
	alone := strings.ReplaceAll(long, "\n", "\r")
	for _, test := range []struct{ text, encoding, want string }{
		{inLatin1(encodedTable), "", `table:1:3: the byte 0xF6 is not of a text in UTF-8, so the ` +
			`encoding is another, such as ISO 8859-1 (Latin-1) or Windows 1252; set CSVSettings`},
		{long + "1,\xe9,x\n", "", `table:16386:3: the byte 0xE9 is not of a text`},
		{alone + "1,2,\x80\r", "", `table:16386:5: the byte`},
		{"a,c\n1,\xe2\x82", "", `table:2:3: the byte 0xE2 is not of a text in UTF-8`},
		{encodedTable, "UTF-16LE", `table:1:1: the file seems to be in UTF-8, and Encoding is "U`},
		{inUTF16("\ufeff"+encodedTable, 1)[:31], "", "the text is not in UTF-16LE"},
		{inUTF16("\ufeff"+encodedTable, 1), "latin1", "byte order mark of UTF-16LE, and Encoding"},
		{inUTF16(encodedTable, 1), "UTF-16BE", "seems to be in UTF-16LE, and Encoding is"},
		{inUTF16("\ufeff"+encodedTable, 1), "UTF-16BE", "byte order mark of UTF-16LE"},
		{"\ufeff" + encodedTable, "latin1", "byte order mark of UTF-8, and Encoding is \"latin1\""},
		{"a,c\n1,x\n2,\x93y\x94\n", "latin1", "table:3:3: the text is not in ISO 8859-1"},
		{"a,c\n1,x\n2,\x81\n", "cp1252", "table:3:3: the text is not in Windows 1252"},
		{encodedTable, "klingon", `no encoding is known as "klingon"; there are UTF-8, UTF-16`},
		{"a,c\n1,x\n2,\x00y\n", "", "table:3:3: a zero byte, so the file is no text in UTF-8"},
		{"\xff\xfe\x00\x00a\x00\x00\x00", "", "in UTF-32"},
		{"a\x00\x00\x00,\x00\x00\x00c\x00\x00\x00", "", "in UTF-32"},
		{"\x00\x00\x00a\x00\x00\x00,\x00\x00\x00c", "", "in UTF-32"},
		{"PK\x03\x04\x00\x00", "", "is no text but a ZIP archive, as .xlsx"},
		{"\x1f\x8b\x08", "", "compressed by gzip; give the text of the table itself"},
		{"<!DOCTYPE html>\n<html>", "", "is no text but a page of HTML"},
		{"\x93NUMPY\x01\x00", "", "an array of NumPy"},
	} {
		_, err := ReadCSV(strings.NewReader(test.text), CSVSettings{Encoding: test.encoding})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.40q as %q: error %v; want %q", test.text, test.encoding, err, test.want)
		}
	}
	_, err := ReadCSV(iotest.ErrReader(fmt.Errorf("unplugged")), CSVSettings{})
	wantError(t, err, "data: reading table: unplugged")
}

// A mark before the first key is no part of it, and a table in Latin-1 has its names.
func TestJMLREncodings(t *testing.T) {
	want, err := parseJMLR(filepath.Join("testdata", "jmlr", "tiny"))
	if err != nil {
		t.Fatal(err)
	}
	for name, encode := range map[string]func(string) string{
		"mark":           func(s string) string { return "\ufeff" + s },
		"UTF-16LE":       func(s string) string { return inUTF16(s, 1) },
		"UTF-16BE, mark": func(s string) string { return inUTF16("\ufeff"+s, 0) },
		"CR":             func(s string) string { return strings.ReplaceAll(s, "\n", "\r") },
		"CRLF":           func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"Latin-1": func(s string) string {
			return inLatin1(strings.Replace(s, "f1", "größe", 1))
		},
	} {
		files := fixture(t, "tiny")
		for file, text := range files {
			files[file] = encode(text)
		}
		dir := filepath.Join(t.TempDir(), "tiny")
		writeSet(t, dir, files)
		ds, err := parseJMLR(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if ds.Fingerprint() != want.Fingerprint() || !cmp.Equal(ds.Folds, want.Folds) {
			t.Errorf("%s: another set", name)
		}
		if first := ds.FeatureNames[0]; first != "f1" && first != "größe" {
			t.Errorf("%s: the first feature is %q", name, first)
		}
	}
	files := fixture(t, "tiny")
	files["tiny_R.dat"] = "\x1f\x8b\x08"
	dir := filepath.Join(t.TempDir(), "tiny")
	writeSet(t, dir, files)
	_, err = parseJMLR(dir)
	wantError(t, err, filepath.Join(dir, "tiny_R.dat")+": the file is no text but compressed by")
}

// Pieces that end in the middle of a character or of an end of line change nothing.
func FuzzTextReader(f *testing.F) {
	f.Add([]byte(encodedTable), "")
	f.Add([]byte("a\r\nb\rc\n"), "utf8")
	f.Add([]byte(inUTF16(encodedTable, 1)), "")
	f.Add([]byte("a\r\xe2\x82\xac\xe2"), "latin1")
	f.Fuzz(func(t *testing.T, b []byte, encoding string) {
		read := func(n int) (string, string) {
			r, err := textReader(bytes.NewReader(b), "file", encoding, "")
			if err != nil {
				return "", err.Error()
			}
			r.(*text).in = iotest.OneByteReader(r.(*text).in)
			if n > 1 {
				if r, err = textReader(bytes.NewReader(b), "file", encoding, ""); err != nil {
					return "", err.Error()
				}
			}
			var out bytes.Buffer
			if _, err = out.ReadFrom(r); err != nil {
				return "", err.Error()
			}
			return out.String(), ""
		}
		text1, err1 := read(1)
		textN, errN := read(2)
		if text1 != textN || err1 != errN {
			t.Errorf("byte by byte %q, %s; at once %q, %s", text1, err1, textN, errN)
		}
	})
}
