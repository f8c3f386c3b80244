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
	"os"
	"os/exec"
	"path/filepath"
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

func (b builder) make() error {
	script, err := b.program()
	if err != nil {
		return err
	}
	for _, name := range []string{"page.js", "live.css"} {
		text, err := os.ReadFile(filepath.Join(b.source, name))
		if err == nil {
			err = b.write("live/"+name, text)
		}
		if err != nil {
			return err
		}
	}
	text, err := pageText(b.source, script)
	if err != nil {
		return err
	}
	return b.write("live.md", text)
}

// write leaves a file as it is that has the same text already.
func (b builder) write(name string, text []byte) error {
	path := filepath.Join(b.folder, filepath.FromSlash(name))
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return atomicfile.WriteBytes(path, text)
}

// program compiles the Go program and packs it with the source of its worker into a script. It
// returns the length of that.
func (b builder) program() (int, error) {
	wasm := filepath.Join(b.folder, "kernelsmith.wasm")
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w",
		"-o", wasm, packagePath)
	command.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return 0, fmt.Errorf("compiling the program: %w", err)
	}
	program, err := os.ReadFile(wasm)
	if err != nil {
		return 0, err
	}
	root, err := goTool("env", "GOROOT")
	if err != nil {
		return 0, err
	}
	goes := filepath.Join(strings.TrimSpace(root), "lib", "wasm", "wasm_exec.js")
	worker, err := os.ReadFile(goes)
	if err != nil {
		return 0, fmt.Errorf("Go's wasm_exec.js: %w", err)
	}
	own, err := os.ReadFile(filepath.Join(b.source, "worker.js"))
	if err != nil {
		return 0, err
	}
	worker = append(worker, own...)
	// Packing takes longer than all else: it is done when what is packed has changed.
	key := fmt.Sprintf("// %x\n", sha256.Sum256(append(bytes.Clone(program), worker...)))
	path := filepath.Join(b.folder, "live", "kernelsmith.js")
	if old, err := os.ReadFile(path); err == nil && bytes.HasPrefix(old, []byte(key)) {
		return len(old), nil
	}
	script, err := packed(key, program, worker)
	if err != nil {
		return 0, err
	}
	return len(script), b.write("live/kernelsmith.js", script)
}

// packed is the script: a page that is opened as a file may load scripts and nothing else.
func packed(key string, program, worker []byte) ([]byte, error) {
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
	fmt.Fprintf(&script, "%sglobalThis.kernelsmithLive = {\nworker: %s,\nwasm: %q };\n", key, text,
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
