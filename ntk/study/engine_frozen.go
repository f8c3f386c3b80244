package study

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
	"github.com/kernelsmith/kernelsmith/internal/regular"
)

// What has records made elsewhere has a folder of its own beside them, sweeps/NAME, with
//
//	program   a copy of this executable, since it is gone or another one tomorrow
//	keys      the keys of the records, a line each
//
// and, on Slurm, the script, the ids of its jobs and their logs. The name follows from the
// records' folder and the keys. The folder goes when all of its records are there.

// sweeps is the folder of all sweeps of a study.
func (s *Study) sweeps() string { return filepath.Join(s.folder, "sweeps") }

// nameOf is the name of the sweep of some keys, and of its job.
func (s *Study) nameOf(engine string, keys []string) string {
	return fmt.Sprintf("%s-%s-%s-%s", engine, s.name, s.scale, s.sumOf(keys))
}

// sumOf tells sweeps of other keys, and of another folder, apart.
func (s *Study) sumOf(keys []string) string {
	sum := sha256.Sum256([]byte(s.folder + "\n" + strings.Join(keys, "\n")))
	return hex.EncodeToString(sum[:8])
}

// mostBytes is far more than the text of a sweep has that is read.
const mostBytes = 64 << 20

// freeze makes the folder of a sweep, which it returns.
func (s *Study) freeze(engine string, keys []string) (string, error) {
	folder := filepath.Join(s.sweeps(), s.nameOf(engine, keys))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("study: no folder for the sweep: %w", err)
	}
	err := atomicfile.WriteBytes(filepath.Join(folder, "keys"),
		[]byte(strings.Join(keys, "\n")+"\n"))
	if err == nil {
		err = freezeProgram(filepath.Join(folder, "program"))
	}
	if err != nil {
		return "", fmt.Errorf("study: the program of the sweep: %w", err)
	}
	return folder, nil
}

// freezeProgram copies this executable.
func freezeProgram(path string) error {
	// On Linux that is the file which runs, even if another took its place.
	program, err := os.Open("/proc/self/exe")
	if err != nil {
		var name string
		if name, err = os.Executable(); err != nil {
			return err
		}
		if program, err = os.Open(name); err != nil {
			return err
		}
	}
	defer program.Close()
	err = atomicfile.Write(path, func(w io.Writer) error {
		_, err := io.Copy(w, program)
		return err
	})
	if err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}

// frozenCommand is the command of a sweep's program, with the arguments of this one.
func frozenCommand(folder string) string {
	command := quoted(filepath.Join(folder, "program"))
	for _, argument := range os.Args[1:] {
		command += " " + quoted(argument)
	}
	return command
}

// sweepsOf lists the folders of sweeps of an engine, "" for all, with their keys. Those whose keys
// cannot be read, or are not the ones that the folder's name was made of, are an error beside the
// others: what is taken for done is removed.
func (s *Study) sweepsOf(engine string) (map[string][]string, error) {
	found := map[string][]string{}
	entries, err := os.ReadDir(s.sweeps())
	if errors.Is(err, fs.ErrNotExist) {
		return found, nil
	}
	if err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	var problems error
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), engine) {
			continue
		}
		path := filepath.Join(s.sweeps(), e.Name(), "keys")
		text, err := regular.Read(path, mostBytes)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was being made when something ended that
		}
		keys := strings.Fields(string(text))
		if err == nil && !strings.HasSuffix(e.Name(), "-"+s.sumOf(keys)) {
			err = fmt.Errorf("%s is truncated or altered, or the folder of records was moved", path)
		}
		if err != nil {
			problems = errors.Join(problems, fmt.Errorf("study: the keys of a sweep: %w; end its "+
				"jobs, if there are any, and remove %s to begin it anew", err, filepath.Dir(path)))
			continue
		}
		found[e.Name()] = keys
	}
	return found, problems
}

// clearSweeps removes the sweeps whose records are all there. What cannot be removed stays: it is
// of no use, and does no harm.
func (s *Study) clearSweeps() {
	found, _ := s.sweepsOf("") // whose keys are in doubt stays
	for name, keys := range found {
		done := true
		for _, key := range keys {
			_, err := os.Stat(filepath.Join(s.folder, key+".json"))
			done = done && err == nil
		}
		if done {
			os.RemoveAll(filepath.Join(s.sweeps(), name))
		}
	}
	os.Remove(s.sweeps()) // if it is empty
}
