package data

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kinds of tokens beside the characters , { and }.
const (
	arffWord   = 'w'
	arffQuoted = 'q'
)

// arffToken is a word, a quoted text or one of , { }.
type arffToken struct {
	kind   byte
	text   string // without quotes and escapes
	column int    // from 1
}

func (k arffToken) isText() bool { return k.kind == arffWord || k.kind == arffQuoted }

// tokens takes a line apart, without its comment.
func (t *arffTable) tokens(line string) ([]arffToken, error) {
	var tokens []arffToken
	for i := 0; i < len(line); {
		start := i
		switch c := line[i]; {
		case c <= ' ':
			i++
			continue
		case c == '%':
			return tokens, nil
		case c == ',' || c == '{' || c == '}':
			i++
			tokens = append(tokens, arffToken{c, line[start:i], start + 1})
		case c == '\'' || c == '"':
			text, length, err := t.unquote(line[i:], start+1)
			if err != nil {
				return nil, err
			}
			i += length
			if i < len(line) && line[i] > ' ' && !strings.ContainsRune(",{}%", rune(line[i])) {
				return nil, t.fail(i+1, `write a quote inside quotes as \' or \"`,
					"text follows the quote that ends %s", excerpt(text))
			}
			tokens = append(tokens, arffToken{arffQuoted, text, start + 1})
		default:
			for i < len(line) && line[i] > ' ' && !strings.ContainsRune(",{}'\"%", rune(line[i])) {
				i++
			}
			if i < len(line) && strings.ContainsRune("'\"%", rune(line[i])) {
				return nil, t.fail(i+1, "quote the whole of a value that holds one",
					"%q in a word that is not quoted", line[i])
			}
			tokens = append(tokens, arffToken{arffWord, line[start:i], start + 1})
		}
	}
	return tokens, nil
}

// unquote returns the text in quotes that s begins with, and its length in s with them.
func (t *arffTable) unquote(s string, column int) (text string, length int, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case s[0]:
			return b.String(), i + 1, nil
		case '\\':
			if i++; i >= len(s) {
				continue
			}
			if k := strings.IndexByte(`ntrbf`, s[i]); k >= 0 {
				b.WriteByte("\n\t\r\b\f"[k])
				continue
			}
			if s[i] == 'u' && i+5 <= len(s) {
				if r, err := strconv.ParseUint(s[i+1:i+5], 16, 16); err == nil &&
					utf8.ValidRune(rune(r)) {
					b.WriteRune(rune(r))
					i += 4
					continue
				}
			}
			if strings.IndexByte(`\'"%,{} `, s[i]) < 0 {
				return "", 0, t.fail(column+i-1, `write a backslash inside quotes as \\`,
					"the escape %s is not known", excerpt(s[i-1:i+1]))
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, t.fail(column, "end it in the same line", "a quote %c that does not end", s[0])
}
