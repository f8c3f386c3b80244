package study

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What is asked of Slurm: sbatch submits an array of jobs, squeue says what has become of them,
// scontrol how large an array may be. The records are the rest of the state.

// slurmPrefix begins the names of sweeps on Slurm, which are those of their jobs.
const slurmPrefix = "kernelsmith"

// element is a job of an array, as squeue has it.
type element struct {
	name       string // of the array
	job, index int
	state      string // such as "RUNNING"
	reason     string // why it waits, or failed, such as "Resources"
	node       string
}

// ended are the states of jobs that have come to an end; all others may go on.
var ended = map[string]bool{
	"BOOT_FAIL": true, "CANCELLED": true, "COMPLETED": true, "DEADLINE": true, "FAILED": true,
	"NODE_FAIL": true, "OUT_OF_MEMORY": true, "PREEMPTED": true, "REVOKED": true, "TIMEOUT": true,
}

// running are the states in which a job has a node.
var running = map[string]bool{
	"RUNNING": true, "COMPLETING": true, "CONFIGURING": true, "STAGE_OUT": true, "SIGNALING": true,
	"SUSPENDED": true, "STOPPED": true,
}

// slurm runs a command of Slurm and returns what it prints, or what it complains of.
func slurm(ctx context.Context, name string, arguments ...string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("study: %s=slurm needs the commands of Slurm, and there is no %s "+
			"here; run this on a login node of the cluster, or without %s", engineVariable, name,
			engineVariable)
	}
	command := exec.CommandContext(ctx, path, arguments...)
	command.Env = slurmEnvironment(os.Environ())
	var complaints bytes.Buffer
	command.Stderr = &complaints
	text, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("study: %s: %s", name,
			cmp.Or(strings.TrimSpace(complaints.String()), err.Error()))
	}
	return string(text), nil
}

// slurmEnvironment is what Slurm and its jobs see of the environment: nothing of the notebook's
// kernel, which ends what has its temporary folder, and nothing of a job that this program is in.
func slurmEnvironment(variables []string) (list []string) {
	for _, variable := range variables {
		name, _, _ := strings.Cut(variable, "=")
		switch {
		case name == "SLURM_CONF" || name == "SLURM_CLUSTERS":
		case strings.HasPrefix(name, "SLURM_") || strings.HasPrefix(name, "GONB_"):
			continue
		case name == "TMPDIR" || ownVariables[name]:
			continue
		}
		list = append(list, variable)
	}
	return list
}

// queue returns the jobs of arrays that Slurm still knows; it forgets those that have ended after
// some minutes.
func queue(ctx context.Context, names []string) ([]element, error) {
	if len(names) == 0 {
		return nil, nil
	}
	text, err := slurm(ctx, "squeue", "--noheader", "--array", "--states=all",
		"--name="+strings.Join(names, ","), "--format=%F|%K|%T|%j|%N|%r")
	if err != nil {
		return nil, err
	}
	var list []element
	for line := range strings.Lines(text) {
		words := strings.SplitN(strings.TrimSpace(line), "|", 6)
		if len(words) != 6 || !slices.Contains(names, words[3]) {
			continue
		}
		job, err := strconv.Atoi(words[0])
		index, err2 := strconv.Atoi(words[1])
		if err := errors.Join(err, err2); err != nil {
			return nil, fmt.Errorf("study: squeue says %q: %w", line, err)
		}
		list = append(list, element{words[3], job, index, words[2], words[5], words[4]})
	}
	return list, nil
}

var maxArraySize = regexp.MustCompile(`(?m)^MaxArraySize\s*=\s*(\d+)`)

// arrayLimit returns how many jobs an array may have.
func arrayLimit(ctx context.Context) (int, error) {
	text, err := slurm(ctx, "scontrol", "show", "config")
	if err != nil {
		return 0, err
	}
	found := maxArraySize.FindStringSubmatch(text)
	if found == nil {
		return 0, errors.New("study: scontrol show config does not say what MaxArraySize is")
	}
	limit, err := strconv.Atoi(found[1])
	if err == nil && limit < 1 {
		err = errors.New("this Slurm takes no arrays")
	}
	if err != nil {
		return 0, fmt.Errorf("study: MaxArraySize = %s: %w", found[1], err)
	}
	return limit, nil
}

// sbatchSettings are the user's options of sbatch.
type sbatchSettings struct {
	options []string
	limit   int    // jobs in an array at most, 0 for Slurm's own limit
	at      string // "%4" for four of an array at once
}

// Options that a sweep sets itself, and those that would have its jobs where it does not look.
var (
	ownOptions = regexp.MustCompile(`^(-[aJoeMW]|--(array|job-name|output|error|wrap|parsable|` +
		`open-mode|test-only|wait|clusters)(=|$))`)
	arrayOption = regexp.MustCompile(`^--array=(?:0-(\d+))?(%[1-9]\d*)?$`)
)

// sbatchSettingsOf reads KERNELSMITH_SBATCH.
func sbatchSettingsOf(text string) (s sbatchSettings, err error) {
	if strings.ContainsAny(text, `'"\`+"`") {
		return s, fmt.Errorf("study: %s is %s; it is divided at spaces, without quotes",
			sbatchVariable, text)
	}
	for _, word := range strings.Fields(text) {
		if found := arrayOption.FindStringSubmatch(word); found != nil && word != "--array=" {
			if found[1] != "" {
				last, err := strconv.Atoi(found[1])
				if err != nil {
					return s, fmt.Errorf("study: %s: %s: %w", sbatchVariable, word, err)
				}
				s.limit = last + 1
			}
			s.at = found[2]
			continue
		}
		if ownOptions.MatchString(word) {
			return s, fmt.Errorf("study: %s has %s, which a sweep sets itself; of arrays it may "+
				"say how large they are at most, and how many jobs of one run at once, as in "+
				"--array=0-499%%8", sbatchVariable, word)
		}
		if len(s.options) == 0 && !strings.HasPrefix(word, "-") {
			return s, fmt.Errorf("study: %s begins with %q, which is no option of sbatch",
				sbatchVariable, word)
		}
		s.options = append(s.options, word)
	}
	return s, nil
}

var jobID = regexp.MustCompile(`(?m)^(\d+)(;.*)?$`)

// submit submits an array that makes records, one a job, and returns its id.
func (s *Study) submit(ctx context.Context, keys []string, set sbatchSettings) (int, error) {
	folder, err := s.freeze(slurmPrefix, keys)
	if err != nil {
		return 0, err
	}
	script := filepath.Join(folder, "script")
	if err := os.WriteFile(script, []byte(s.script(folder)), 0o755); err != nil {
		return 0, fmt.Errorf("study: the script of the sweep: %w", err)
	}
	// Of options that are given twice the last one counts.
	arguments := []string{"--requeue", "--cpus-per-task=1"}
	arguments = append(arguments, set.options...)
	arguments = append(arguments, "--parsable", "--open-mode=append",
		"--job-name="+filepath.Base(folder), fmt.Sprintf("--array=0-%d%s", len(keys)-1, set.at),
		"--output="+filepath.Join(escaped(folder), "%A_%a.log"), script)
	text, err := slurm(ctx, "sbatch", arguments...)
	if err != nil {
		return 0, err
	}
	found := jobID.FindStringSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("study: sbatch says %q, which has no job id", text)
	}
	id, err := strconv.Atoi(found[1])
	if err != nil {
		return 0, fmt.Errorf("study: sbatch says %q: %w", text, err)
	}
	// Without this file the array is still found by its name.
	f, err := os.OpenFile(filepath.Join(folder, "jobs"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = fmt.Fprintln(f, id)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return id, fmt.Errorf("study: job %d was submitted, its id could not be kept: %w", id, err)
	}
	return id, nil
}

// escaped is a path in which Slurm puts nothing in place of %.
func escaped(path string) string { return strings.ReplaceAll(path, "%", "%%") }

// script is what each job of an array runs.
func (s *Study) script(folder string) string {
	here, err := os.Getwd()
	if err != nil {
		here = filepath.Dir(filepath.Dir(filepath.Dir(s.folder)))
	}
	return fmt.Sprintf(`#!/bin/sh
# Makes one record of study %s: that of a line of the file keys.
cd %s && KERNELSMITH_TASK=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" %s) || {
	echo "$(hostname) does not see this folder; all nodes must share it" >&2
	exit 1
}
[ -n "$KERNELSMITH_TASK" ] || { echo "no key $SLURM_ARRAY_TASK_ID" >&2; exit 1; }
export KERNELSMITH_TASK %s
export GOMAXPROCS="${SLURM_CPUS_PER_TASK:-1}" OPENBLAS_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}"
exec %s
`, s, quoted(here), quoted(filepath.Join(folder, "keys")), strings.Join(settings(s), " "),
		frozenCommand(folder))
}
