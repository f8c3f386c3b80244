// Command build makes the live page from its sources, into a folder:
//
//	go run ./site/live/build FOLDER
//
// live.md is the page as Sphinx takes it, with figures that stand there before anything is loaded;
// live/ has what it loads. What has not changed stays as it is. With -answer it answers one
// request, JSON on standard input, as the page's program does, for the test in a browser.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
	"github.com/kernelsmith/kernelsmith/site/live/internal/page"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "the live page:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 1 {
		return fmt.Errorf("build takes a folder to write to, or -answer")
	}
	if arguments[0] == "-answer" {
		var q page.Request
		if err := json.NewDecoder(os.Stdin).Decode(&q); err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(page.Answer(context.Background(), q, nil))
	}
	source, err := goTool("list", "-f", "{{.Module.Dir}}", packagePath+"/build")
	if err != nil {
		return err
	}
	b := builder{source: filepath.Join(strings.TrimSpace(source), "site", "live"),
		folder: arguments[0]}
	if err := os.MkdirAll(filepath.Join(b.folder, "live"), 0o755); err != nil {
		return err
	}
	return b.make()
}

const packagePath = "github.com/kernelsmith/kernelsmith/site/live"

type builder struct{ source, folder string }

// make compiles the program, and makes all else anew if that, or what the page is made from beside
// it, has changed.
func (b builder) make() error {
	program, err := b.program()
	if err != nil {
		return err
	}
	worker, err := b.worker()
	if err != nil {
		return err
	}
	key, err := b.key(program, worker)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(b.path("made-from")); err == nil && string(old) == key {
		return nil
	}
	script, err := packed(program, worker)
	if err != nil {
		return err
	}
	text, err := pageText(b.source, len(script))
	if err != nil {
		return err
	}
	files := map[string][]byte{"live.md": text, "live/kernelsmith.js": script}
	for _, name := range loaded {
		if files["live/"+name], err = os.ReadFile(filepath.Join(b.source, name)); err != nil {
			return err
		}
	}
	files["made-from"] = []byte(key)
	for _, name := range slices.Sorted(maps.Keys(files)) { // made-from is the last
		if err := b.write(name, files[name]); err != nil {
			return err
		}
	}
	return nil
}

// loaded is what the page loads as it is here; templates is what it is made from.
var loaded, templates = []string{"page.js", "live.css"}, []string{"page.md", "parts.html"}

// key is a checksum of all that the page is made from, this program among it.
func (b builder) key(program, worker []byte) (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write(program)
	sum.Write(worker)
	for _, name := range slices.Concat(loaded, templates) {
		text, err := os.ReadFile(filepath.Join(b.source, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, name, len(text))
		sum.Write(text)
	}
	text, err := os.ReadFile(own)
	if err != nil {
		return "", err
	}
	sum.Write(text)
	return fmt.Sprintf("%x\n", sum.Sum(nil)), nil
}

func (b builder) path(name string) string {
	return filepath.Join(b.folder, filepath.FromSlash(name))
}

// write leaves a file as it is that has the same text already.
func (b builder) write(name string, text []byte) error {
	if old, err := os.ReadFile(b.path(name)); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return atomicfile.WriteBytes(b.path(name), text)
}

// program compiles the Go program, which takes its time only when its sources have changed.
func (b builder) program() ([]byte, error) {
	wasm := b.path("kernelsmith.wasm")
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w",
		"-o", wasm, packagePath)
	command.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("compiling the program: %w", err)
	}
	return os.ReadFile(wasm)
}

// worker is the source of the worker, after what Go brings along for it.
func (b builder) worker() ([]byte, error) {
	root, err := goTool("env", "GOROOT")
	if err != nil {
		return nil, err
	}
	goes := filepath.Join(strings.TrimSpace(root), "lib", "wasm", "wasm_exec.js")
	worker, err := os.ReadFile(goes)
	if err != nil {
		return nil, fmt.Errorf("wasm_exec.js of Go: %w", err)
	}
	own, err := os.ReadFile(filepath.Join(b.source, "worker.js"))
	return append(worker, own...), err
}

// packed is the script: a page that is opened as a file may load scripts and nothing else.
func packed(program, worker []byte) ([]byte, error) {
	var zipped, script bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(program); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(string(worker))
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&script, "globalThis.kernelsmithLive = {\nworker: %s,\nwasm: %q };\n", text,
		base64.StdEncoding.EncodeToString(zipped.Bytes()))
	return script.Bytes(), nil
}

func goTool(arguments ...string) (string, error) {
	command := exec.Command("go", arguments...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(arguments, " "), err)
	}
	return string(out), nil
}
