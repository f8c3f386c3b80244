package study

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/kernelsmith/kernelsmith/internal/records"
)

// Environment variables that say where tasks are made.
const (
	engineVariable = "KERNELSMITH_ENGINE"
	taskVariable   = "KERNELSMITH_TASK"
	sbatchVariable = "KERNELSMITH_SBATCH"
)

// Printed commands; tests have them elsewhere.
var output io.Writer = os.Stdout

// sweep is the records of one call of [Make], for an engine that has them made elsewhere.
type sweep struct {
	study       *Study
	doing, what string
	wanted      []*wanted
	keys        map[string]bool // of wanted
}

// wanted is one record of a sweep.
type wanted struct {
	key   string
	steps int
	made  bool
}

// engineOf returns what makes the missing records of a sweep; nil is this program, here and now.
func engineOf(name string) (func(*sweep) error, error) {
	switch name {
	case "":
		return nil, nil
	case "print":
		return printCommands, nil
	case "slurm":
		return onSlurm, nil
	}
	return nil, fmt.Errorf("study: %s is %q; it must be slurm, print, or not set", engineVariable,
		name)
}

// sweepOf lists the records of tasks, each once.
func sweepOf[T any](s *Study, doing, what string, tasks []Task[T], found []bool) (*sweep, error) {
	w := &sweep{study: s, doing: doing, what: what, keys: map[string]bool{}}
	for i, t := range tasks {
		key, err := records.KeyOf(t.Label, t.Key)
		if err != nil {
			return nil, fmt.Errorf("study: %w", err)
		}
		if k := key.String(); !w.keys[k] {
			w.keys[k] = true
			w.wanted = append(w.wanted, &wanted{k, max(1, t.Steps), found[i]})
		}
	}
	return w, nil
}

// look marks the records that are there by now. It reads the folder: a file system that is shared
// may remember for a while that a name was not there.
func (w *sweep) look() error {
	entries, err := os.ReadDir(w.study.folder)
	if err != nil {
		return fmt.Errorf("study: %w", err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = true
	}
	for _, one := range w.wanted {
		one.made = one.made || there[one.key+".json"]
	}
	return nil
}

// missing returns the keys that have no record.
func (w *sweep) missing() (keys []string) {
	for _, one := range w.wanted {
		if !one.made {
			keys = append(keys, one.key)
		}
	}
	return keys
}

// done is how many records there are, and of how many steps they are.
func (w *sweep) done() (records, steps int) {
	for _, one := range w.wanted {
		if one.made {
			records, steps = records+1, steps+one.steps
		}
	}
	return records, steps
}

// notMadeError reports records that an engine was asked for and that are not there yet.
type notMadeError struct{ Keys []string }

// Error implements error.
func (e *notMadeError) Error() string {
	return fmt.Sprintf("study: %d records are not there yet; run their commands, and this again",
		len(e.Keys))
}

// printCommands prints what makes each missing record, a line each: a command that ends with
// status 0 if the record is there.
func printCommands(w *sweep) error {
	if err := w.look(); err != nil {
		return err
	}
	keys := w.missing()
	if len(keys) == 0 {
		return nil
	}
	folder, err := w.study.freeze("print", keys)
	if err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("study: %s=print: %w", engineVariable, err)
	}
	for _, key := range keys {
		fmt.Fprintf(output, "cd %s && %s=%s %s %s && test -f %s\n", quoted(here), taskVariable, key,
			strings.Join(settings(w.study), " "), frozenCommand(folder),
			quoted(w.study.folder+"/"+key+".json"))
	}
	return &notMadeError{keys}
}

// settings are the assignments of a shell, VARIABLE='value', of what the project reads from the
// environment, but for what is of this process alone.
func settings(s *Study) (list []string) {
	list = []string{"KERNELSMITH_SCALE=" + quoted(s.scale)}
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "KERNELSMITH_") && !ownVariables[name] && value != "" {
			list = append(list, name+"="+quoted(value))
		}
	}
	return list
}

// ownVariables are not handed on by settings.
var ownVariables = map[string]bool{
	engineVariable: true, taskVariable: true, sbatchVariable: true,
	"KERNELSMITH_SCALE":  true, // which settings has from the study
	"KERNELSMITH_LOADED": true, // a file of the notebook's run
}

// quoted writes a word for a shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
