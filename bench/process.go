package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A side is a process that answers requests.
type side struct {
	name string
	cmd  *exec.Cmd
	to   io.WriteCloser
	from *bufio.Reader
	log  string
}

// plainEnvironment is the environment without what chooses other arithmetic or fewer threads than
// a user has by default.
func plainEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		for _, prefix := range []string{"OPENBLAS_", "OMP_", "MKL_", "GOMP_", "XLA_", "JAX_",
			"TF_", "PYTHON", "VIRTUAL_ENV=", "GOMAXPROCS=", "GOGC=", "GOMEMLIMIT="} {
			if strings.HasPrefix(v, prefix) {
				return true
			}
		}
		return false
	})
}

// startSide starts a side's process. What it prints beside its answers goes to a file in logs.
func startSide(name, logs string, command ...string) (*side, error) {
	if err := os.MkdirAll(logs, 0o777); err != nil {
		return nil, err
	}
	s := &side{name: name, cmd: exec.Command(command[0], command[1:]...),
		log: filepath.Join(logs, name+".log")}
	s.cmd.Env = append(plainEnvironment(), "PYTHONDONTWRITEBYTECODE=1")
	file, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	s.cmd.Stderr = file
	if s.to, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.from = bufio.NewReader(out)
	return s, s.cmd.Start()
}

// ask sends a request and waits for its reply. If ctx ends or the time is over, the process is
// killed.
func (s *side) ask(ctx context.Context, q request, limit time.Duration) (*reply, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { s.cmd.Process.Kill() })
	defer stop()
	b, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	if _, err = s.to.Write(append(b, '\n')); err == nil {
		b, err = s.from.ReadBytes('\n')
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: %s %s took longer than %v, or was interrupted: %w", s.name,
			q.Do, q.Op, limit, ctx.Err())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the process ended; %s says why: %w", s.name, s.log, err)
	}
	r := new(reply)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %q: %w", s.name, b, err)
	}
	if r.Error != "" {
		return nil, fmt.Errorf("%s: %s %s: %s", s.name, q.Do, q.Op, r.Error)
	}
	return r, nil
}

// close ends the process: at once if it does not end by itself.
func (s *side) close() {
	s.to.Close()
	timer := time.AfterFunc(5*time.Second, func() { s.cmd.Process.Kill() })
	defer timer.Stop()
	_ = s.cmd.Wait()
}
