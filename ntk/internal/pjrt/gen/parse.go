package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// header is what was found in the C header.
type header struct {
	major, minor int
	structs      map[string][]field
	last         map[string]string // the last field that counts for a struct's size
	enums        map[string][]constant
	table        []string        // the functions of PJRT_Api, in order
	pointers     map[string]bool // types that are pointers to functions
}

// field is a field of a struct, with its type in C, or a union, which has the type "union".
type field struct{ c, name string }

type constant struct {
	name  string
	value int
}

var (
	comments = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`)
	version  = regexp.MustCompile(`#define PJRT_API_(MAJOR|MINOR)\s+(\d+)`)
	enumText = regexp.MustCompile(`(?s)typedef enum\s*\{(.*?)\}\s*(\w+)\s*;`)
	// Structs have unions in them, but no struct; the last brace stands at the line's start.
	structText = regexp.MustCompile(`(?ms)^(?:typedef )?struct (\w+)\s*\{(.*?)^\}`)
	traits     = regexp.MustCompile(`(?s)PJRT_DEFINE_STRUCT_TRAITS\(\s*(\w+)\s*,\s*(\w+)\s*\)`)
	unionText  = regexp.MustCompile(`(?s)union\s*\{.*?\}`)
	callback   = regexp.MustCompile(`typedef [\w\s*]+?\(\s*\*\s*(\w+)\s*\)\s*\(`)
	inline     = regexp.MustCompile(`(?s)^[\w\s*]+\(\s*\*\s*(\w+)\s*\)\s*\(.*\)$`)
	declared   = regexp.MustCompile(`(?s)^(.*?[\s*])(\w+)$`)
	tableText  = regexp.MustCompile(`_PJRT_API_STRUCT_FIELD\((\w+)\)`)
)

// parse reads a header.
func parse(source string) (header, error) {
	source = comments.ReplaceAllString(source, "")
	h := header{
		major: -1, minor: -1, structs: map[string][]field{}, last: map[string]string{},
		enums: map[string][]constant{}, pointers: map[string]bool{},
	}
	for _, m := range version.FindAllStringSubmatch(source, -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return h, err
		}
		if m[1] == "MAJOR" {
			h.major = n
		} else {
			h.minor = n
		}
	}
	if h.major < 0 || h.minor < 0 {
		return h, fmt.Errorf("no PJRT_API_MAJOR and PJRT_API_MINOR: it is not pjrt_c_api.h")
	}
	for _, m := range callback.FindAllStringSubmatch(source, -1) {
		h.pointers[m[1]] = true
	}
	for _, m := range traits.FindAllStringSubmatch(source, -1) {
		h.last[m[1]] = m[2]
	}
	for _, m := range enumText.FindAllStringSubmatch(source, -1) {
		values, err := parseEnum(m[1])
		if err != nil {
			return h, fmt.Errorf("enum %s: %w", m[2], err)
		}
		h.enums[m[2]] = values
	}
	for _, m := range structText.FindAllStringSubmatch(source, -1) {
		if m[1] == "PJRT_Api" {
			for _, f := range tableText.FindAllStringSubmatch(m[2], -1) {
				h.table = append(h.table, f[1])
			}
			continue
		}
		fields, err := parseStruct(m[2])
		if err != nil {
			return h, fmt.Errorf("struct %s: %w", m[1], err)
		}
		h.structs[m[1]] = fields
	}
	if len(h.table) == 0 {
		return h, fmt.Errorf("no table of functions, struct PJRT_Api")
	}
	return h, nil
}

func parseEnum(body string) (out []constant, err error) {
	next := 0
	for part := range strings.SplitSeq(body, ",") {
		name, value, given := strings.Cut(strings.TrimSpace(part), "=")
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if given {
			if next, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return nil, err
			}
		}
		out = append(out, constant{name, next})
		next++
	}
	return out, nil
}

func parseStruct(body string) (out []field, err error) {
	unions := 0
	body = unionText.ReplaceAllStringFunc(body, func(string) string {
		unions++
		return fmt.Sprintf("union value%d", unions)
	})
	for part := range strings.SplitSeq(body, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if m := inline.FindStringSubmatch(part); m != nil {
			out = append(out, field{"void*", m[1]})
			continue
		}
		m := declared.FindStringSubmatch(part)
		if m == nil {
			return nil, fmt.Errorf("cannot read %q", part)
		}
		out = append(out, field{strings.Join(strings.Fields(m[1]), " "), m[2]})
	}
	return out, nil
}
