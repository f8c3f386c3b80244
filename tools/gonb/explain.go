// Package goexec is a file that tools/setup adds to GoNB's package of this name: what the kernel
// says beyond the words of the compiler and of the runtime. tools/gonb.patch has the calls.
package goexec

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io"
	"regexp"
	"strings"
)

// inCode begins what the compiler says of a place in a cell's program.
const inCode = `main(?:_test)?\.go:\d+:\d+: `

var (
	reStatement = regexp.MustCompile(inCode + `expected declaration, found (.*)`)
	reUndefined = regexp.MustCompile(inCode + `undefined: ([\pL_][\pL_\d]*)`)
	reErrorToo  = regexp.MustCompile(inCode +
		`assignment mismatch: 1 variable but .* returns 2 values`)
	rePower  = regexp.MustCompile(inCode + `.*(?:operator \^ not defined on|cannot indirect )`)
	reUnused = regexp.MustCompile(inCode + `.* \(.*\) is not used`)
)

// ended has, for each name that a cell declared below %%, the last such cell: its value ended with
// that cell's program.
var ended = map[string]int{}

// mathFunctions are names as other languages have them.
var mathFunctions = map[string]string{
	"abs": "math.Abs", "cos": "math.Cos", "cosh": "math.Cosh", "exp": "math.Exp", "log": "math.Log",
	"pi": "math.Pi", "pow": "math.Pow", "sin": "math.Sin", "sinh": "math.Sinh", "sqrt": "math.Sqrt",
	"tan": "math.Tan", "tanh": "math.Tanh",
}

// remember notes the names that main of the cell's program at path declares for itself. The cell of
// a line, counted from 0 and below lines, is cellOf(line).
func remember(path string, lines int, cellOf func(line int) int) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return
	}
	note := func(name ast.Expr) {
		line := files.Position(name.Pos()).Line - 1
		if name, ok := name.(*ast.Ident); ok && line < lines {
			ended[name.Name] = cellOf(line)
		}
	}
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Recv != nil || function.Name.Name != "main" {
			continue
		}
		for _, statement := range function.Body.List {
			switch statement := statement.(type) {
			case *ast.AssignStmt:
				if statement.Tok == token.DEFINE {
					for _, name := range statement.Lhs {
						note(name)
					}
				}
			case *ast.DeclStmt:
				for _, spec := range statement.Decl.(*ast.GenDecl).Specs {
					switch spec := spec.(type) {
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							note(name)
						}
					case *ast.TypeSpec:
						note(spec.Name)
					}
				}
			}
		}
	}
}

// explain returns the compiler's message with sentences below it that say what to do, where the
// reason lies in how a notebook differs from a Go file.
func explain(message string) string {
	var sentences []string
	// A brace too many ends the function that %% begins.
	if found := reStatement.FindStringSubmatch(message); found != nil &&
		!strings.HasPrefix(found[1], "'}'") {
		sentences = append(sentences, "A statement stands outside of a function: start the cell "+
			"with %%, or move the statement below it.")
	}
	said := map[string]bool{}
	for _, found := range reUndefined.FindAllStringSubmatch(message, -1) {
		name := found[1]
		if cell, ok := ended[name]; ok && !said[name] {
			said[name] = true
			sentences = append(sentences, fmt.Sprintf("%s was made below %%%% in cell [%d], and "+
				"values do not outlive a cell: declare it with var or func, above %%%%.",
				name, cell))
		}
		if function := mathFunctions[name]; function != "" && !said[name] {
			said[name] = true
			sentences = append(sentences, fmt.Sprintf("%s is %s, with \"math\" imported.", name,
				function))
		}
	}
	if reErrorToo.MatchString(message) {
		sentences = append(sentences, "A call that may fail returns its result and an error: take "+
			"the result with ntk.Must(…).")
	}
	if rePower.MatchString(message) {
		sentences = append(sentences, "Go has no operator for powers: c² is c*c, and c³ is "+
			"math.Pow(c, 3).")
	}
	if reUnused.MatchString(message) {
		sentences = append(
			sentences,
			"A cell does not show a value by itself: print it with fmt.Println.",
		)
	}
	if sentences == nil {
		return message
	}
	return strings.TrimRight(message, "\n") + "\n\n" + strings.Join(sentences, "\n")
}

var reGoroutine = regexp.MustCompile(`^goroutine \d+ .*\]:\n?$`)

// traceCutter passes on the standard error of a cell's program. Of the goroutine traces after a
// panic it leaves the calls that are written in cells; all, if there is none such.
type traceCutter struct {
	io.Writer
	file string // the end of the path of the program's source

	line  []byte   // begun and not ended
	dying bool     // a panic or fatal error was reported
	trace []string // the lines of the traces up to here
}

// ReadFrom passes on all that it reads, at its end what was held back. io.Copy calls it.
func (c *traceCutter) ReadFrom(from io.Reader) (int64, error) {
	read := int64(0)
	buffer := make([]byte, 32*1024)
	for {
		n, err := from.Read(buffer)
		read += int64(n)
		out := c.take(buffer[:n])
		if err != nil {
			out += c.whole(string(c.line)) + c.cut()
		}
		if out != "" {
			if _, err := io.WriteString(c.Writer, out); err != nil {
				return read, err
			}
		}
		if err == io.EOF {
			return read, nil
		}
		if err != nil {
			return read, err
		}
	}
}

// take returns what of this piece, and of what was held back, can be passed on. Before a panic that
// is all of it.
func (c *traceCutter) take(piece []byte) string {
	var out strings.Builder
	for _, part := range bytes.SplitAfter(piece, []byte("\n")) {
		c.line = append(c.line, part...)
		if !c.dying {
			out.Write(part)
		}
		if !bytes.HasSuffix(part, []byte("\n")) {
			break
		}
		line := string(c.line)
		c.line = c.line[:0]
		if c.dying {
			out.WriteString(c.whole(line))
		} else {
			c.dying = strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")
		}
	}
	return out.String()
}

// whole returns what can be passed on once this line is complete.
func (c *traceCutter) whole(line string) string {
	switch {
	case !c.dying || line == "":
		return ""
	case reGoroutine.MatchString(line):
	case c.trace == nil:
		return line
	case line == "\n",
		strings.HasPrefix(line, "\t"),
		strings.HasPrefix(line, "created by "),
		strings.HasSuffix(line, ")\n"):
	default:
		return c.cut() + line
	}
	c.trace = append(c.trace, line)
	return ""
}

// cut returns what is left of the traces and forgets them.
func (c *traceCutter) cut() string {
	trace := c.trace
	c.trace = nil
	var left strings.Builder
	inCell := false
	for i := 0; i < len(trace); i++ {
		switch {
		case trace[i] == "\n" || reGoroutine.MatchString(trace[i]):
		case i+1 < len(trace) && strings.HasPrefix(trace[i+1], "\t"):
			// A call, and where it is.
			if strings.Contains(trace[i+1], c.file+":") {
				inCell = true
				left.WriteString(trace[i] + trace[i+1])
			}
			i++
		default:
			left.WriteString(trace[i])
		}
	}
	if !inCell {
		return strings.Join(trace, "")
	}
	return left.String()
}

// inComment tells whether the cursor, in bytes of its line, is in a comment of the cell: there is
// nothing to say of the words there.
func inComment(lines []string, line, column int) bool {
	if line >= len(lines) {
		return false
	}
	source := []byte(strings.Join(lines, "\n"))
	cursor := min(column, len(lines[line]))
	for _, before := range lines[:line] {
		cursor += len(before) + 1
	}
	files := token.NewFileSet()
	file := files.AddFile("cell", -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, func(token.Position, string) {}, scanner.ScanComments)
	for {
		position, kind, text := s.Scan()
		start := file.Offset(position)
		switch {
		case kind == token.EOF || start > cursor:
			return false
		case kind == token.COMMENT && cursor <= start+len(text):
			return true
		}
	}
}
