package data

import (
	"fmt"
	"strings"
)

// FormatError reports a place in a file that is not what the format promises.
type FormatError struct {
	File string
	// Line and Column count from 1, Column in bytes of the text in UTF-8; 0 means
	// that the problem is not at one line or column.
	Line, Column int
	// Problem says what is wrong, Remedy what to do about it.
	Problem, Remedy string
}

// Error implements error.
func (e *FormatError) Error() string {
	var b strings.Builder
	b.WriteString("data: " + e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
	}
	b.WriteString(": " + e.Problem)
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// excerpt shortens text from a file for an error message.
func excerpt(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
