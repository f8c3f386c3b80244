package study

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeSlurm is the commands of Slurm in a few lines: a job is a file in queue/ with what squeue
// has of it, and all jobs run at once. Files in the folder say what goes wrong: hold keeps jobs
// from beginning, reject has sbatch's complaint after accept calls, away has squeue fail once, lost
// keeps logs from being written.
var fakeSlurm = map[string]string{
	"sbatch": `#!/bin/sh
cd "$FAKE"
echo "$@" >>calls
if [ -e reject ] && [ "$(wc -l <calls)" -gt "$(cat accept)" ]; then cat reject >&2; exit 1; fi
cpus=1
for word; do
	case $word in
	--job-name=*) name=${word#*=} ;;
	--output=*) output=${word#*=} ;;
	--cpus-per-task=*) cpus=${word#*=} ;;
	--array=*) last=${word##*-} last=${last%\%*} ;;
	esac
	script=$word
done
id=$((100 + $(wc -l <calls)))
folder=${output%/*}
for i in $(seq 0 "$last"); do
	echo "$id|$i|RUNNING|$name|n$i|None" >"queue/${id}_$i"
	{
		while [ -e "$FAKE/hold" ]; do sleep .02; done
		log=$folder/${id}_$i.log
		if [ -e lost ]; then log=/dev/null; fi
		SLURM_CPUS_PER_TASK=$cpus SLURM_ARRAY_TASK_ID=$i sh "$script" >>"$log" 2>&1
		state=$([ $? = 0 ] && echo COMPLETED || echo FAILED)
		echo "$id|$i|$state|$name|n$i|None" >"queue/.${id}_$i"
		mv "queue/.${id}_$i" "queue/${id}_$i"
	} </dev/null >/dev/null 2>&1 &
done
echo "$id;here"
`,
	"squeue": `#!/bin/sh
cd "$FAKE"
if [ -e away ]; then rm away; echo "squeue: error: no controller" >&2; exit 1; fi
echo "7|0|RUNNING|another|n1|None"
cat queue/* 2>/dev/null || true
`,
	"scontrol": `#!/bin/sh
echo "MaxArraySize            = $(cat "$FAKE/limit")"
`,
}

// slurmed is a study on a fake Slurm whose arrays have so many jobs at most, and the latter's
// folder.
func slurmed(t *testing.T, limit int) (*Study, string) {
	t.Helper()
	s := opened(t, quick)
	fake := t.TempDir()
	for name, text := range fakeSlurm {
		if err := os.WriteFile(filepath.Join(fake, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(fake, "queue"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, fake, "limit", fmt.Sprint(limit))
	t.Setenv("FAKE", fake)
	t.Setenv("PATH", fake+":"+os.Getenv("PATH"))
	t.Setenv(engineVariable, "slurm")
	t.Setenv(sbatchVariable, "")
	t.Setenv("TMPDIR", t.TempDir())
	first, last := firstLook, lastLook
	firstLook, lastLook = 5*time.Millisecond, 20*time.Millisecond
	arguments := os.Args
	os.Args = []string{arguments[0], "-test.run=^TestSlurmWorker$"}
	t.Cleanup(func() {
		firstLook, lastLook, os.Args = first, last, arguments
		os.Remove(filepath.Join(fake, "hold"))
		awaitJobs(t, fake)
	})
	return s, fake
}

// awaitJobs waits for the fake jobs, which go on for a moment when their records are there, so that
// none writes into a folder that is being removed.
func awaitJobs(t *testing.T, fake string) {
	t.Helper()
	atWork := func(job string) bool {
		b, err := os.ReadFile(job)
		return err == nil && strings.Contains(string(b), "|RUNNING|")
	}
	for range 10_000 {
		if !slices.ContainsFunc(globbed(filepath.Join(fake, "queue", "*")), atWork) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("jobs of the fake Slurm do not end")
}

func put(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

func globbed(pattern string) []string {
	found, _ := filepath.Glob(pattern)
	return found
}

// until waits for something that a call under way brings about.
func until(t *testing.T, call <-chan error, there func() bool) {
	t.Helper()
	for !there() {
		select {
		case err := <-call:
			t.Fatalf("the call has ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
}

// worked is the record of a task on Slurm: what its program saw.
type worked struct {
	I                  int
	Processors, Engine string
	Temporary, Inner   string
}

// workers are tasks that fail, damage their record or keep a checkpoint, as files in the working
// directory say.
func workers(n int) []Task[worked] {
	tasks := make([]Task[worked], n)
	for i := range tasks {
		tasks[i] = Task[worked]{Label: fmt.Sprintf("task-%d", i), Key: struct{ I int }{i},
			Run: func(ctx context.Context, folder string, report func(Report)) (worked, error) {
				if os.Getenv(taskVariable) == "" {
					return worked{}, errors.New("it was made here")
				}
				if _, err := os.Stat(fmt.Sprint("fail-", i)); err == nil {
					return worked{}, fmt.Errorf("task %d is broken", i)
				}
				if _, err := os.Stat(fmt.Sprint("wait-", i)); err == nil {
					report(Report{Status: "waiting"})
					<-ctx.Done()
					return worked{}, errors.Join(ctx.Err(),
						os.WriteFile(filepath.Join(folder, "half"), nil, 0o644))
				}
				return worked{i, os.Getenv("GOMAXPROCS") + os.Getenv("OPENBLAS_NUM_THREADS"),
					os.Getenv(engineVariable), os.Getenv("TMPDIR"),
					os.Getenv("SLURM_INNER")}, nil
			}}
	}
	return tasks
}

// TestSlurmWorker is the program of the jobs.
func TestSlurmWorker(t *testing.T) {
	if os.Getenv(taskVariable) == "" {
		return // it is no job
	}
	s, err := Open("04")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("forget"); err == nil {
		_, err = Make(s, "working", "works", workers(1)...)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(0)
	}
	_, err = Make(s, "working", "works", workers(9)...)
	fmt.Fprintln(os.Stderr, err)
	os.Exit(3)
}

func TestSlurmMakesTheRecords(t *testing.T) {
	s, fake := slurmed(t, 2)
	t.Setenv(sbatchVariable, "--cpus-per-task=3 -p cpu --array=%4")
	t.Setenv("SLURM_INNER", "of the job that this is in")
	got, err := Make(s, "working", "works", append(workers(5), workers(1)...)...)
	if err != nil || len(got) != 6 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, w := range got {
		if w != (worked{I: i % 5, Processors: "33"}) {
			t.Errorf("task %d: %+v", i, w)
		}
	}
	calls := lines(t, filepath.Join(fake, "calls"))
	if len(calls) != 3 || !strings.Contains(calls[0], "-p cpu") ||
		!strings.Contains(calls[1], "--array=0-1%4") ||
		!strings.Contains(calls[2], "--array=0-0%4") {
		t.Errorf("sbatch was called so:\n%s", strings.Join(calls, "\n"))
	}
	if _, err := os.Stat(s.sweeps()); !os.IsNotExist(err) {
		t.Errorf("the sweeps stay: %v", err)
	}
	if _, err := Make(s, "working", "works", workers(5)...); err != nil {
		t.Error(err)
	}
	if again := lines(t, filepath.Join(fake, "calls")); len(again) != 3 {
		t.Errorf("what is there was submitted: %v", again[3:])
	}
}

// A task that fails is named with the end of its log, the others are kept, and a second call
// submits it alone.
func TestSlurmFailure(t *testing.T) {
	s, fake := slurmed(t, 1000)
	put(t, ".", "fail-1", "")
	_, err := Make(s, "working", "works", workers(4)...)
	if err == nil || !strings.Contains(err.Error(), "1 of 4 records failed") ||
		!strings.Contains(err.Error(), "task-1-") ||
		!strings.Contains(err.Error(), "failed on n1") ||
		!strings.Contains(err.Error(), "task 1 is broken") ||
		!strings.Contains(err.Error(), "101_1.log") {
		t.Errorf("%v", err)
	}
	fails := func(want string) {
		t.Helper()
		if _, err := Make(s, "working", "works", workers(4)...); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v; it should say %q", err, want)
		}
	}
	fails("task 1 is broken")
	put(t, fake, "lost", "")
	os.RemoveAll(s.sweeps())
	fails("without a log: does the node see")
	os.Remove("fail-1")
	os.Remove(filepath.Join(fake, "lost"))
	if got, err := Make(s, "working", "works", workers(4)...); err != nil || got[1].I != 1 {
		t.Errorf("%v, %v", got, err)
	}
	calls := lines(t, filepath.Join(fake, "calls"))
	for i, want := range []string{"--array=0-3 ", "--array=0-0 ", "--array=0-0 ", "--array=0-0 "} {
		if len(calls) != 4 || !strings.Contains(calls[i], want) {
			t.Errorf("call %d of %d: %s", i, len(calls), calls[i])
		}
	}
}

// A program that does not know the key it is given ends well and leaves no record.
func TestSlurmForgets(t *testing.T) {
	s, _ := slurmed(t, 1000)
	if _, err := Make(s, "working", "works", workers(1)...); err != nil {
		t.Fatal(err)
	}
	put(t, ".", "forget", "")
	if _, err := Make(s, "working", "works", workers(2)...); err == nil ||
		!strings.Contains(err.Error(), "1 of 2 records failed") ||
		!strings.Contains(err.Error(), "does not know this key") {
		t.Error(err)
	}
}

// An interrupt leaves the array, and the next call watches it: by its name, since its id may not
// have been kept.
func TestSlurmIsInterrupted(t *testing.T) {
	s, fake := slurmed(t, 1000)
	put(t, fake, "hold", "")
	watching := make(chan error)
	go func() {
		_, err := Make(s, "working", "works", workers(3)...)
		watching <- err
	}()
	jobs := filepath.Join(s.sweeps(), "*", "jobs")
	until(t, watching, func() bool { return len(globbed(jobs)) > 0 })
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-watching; err == nil || !strings.Contains(err.Error(), "3 records") ||
		!strings.Contains(err.Error(), "scancel 101") {
		t.Errorf("%v", err)
	}
	os.Remove(globbed(jobs)[0])
	put(t, fake, "away", "") // the first look fails, which is known before anything is submitted
	if _, err := Make(s, "working", "works", workers(5)...); err == nil ||
		!strings.Contains(err.Error(), "no controller") {
		t.Errorf("%v", err)
	}
	go func() {
		_, err := Make(s, "working", "works", workers(5)...) // two more, and those three
		watching <- err
	}()
	until(t, watching, func() bool { return len(globbed(jobs)) > 0 })
	put(t, fake, "away", "") // a look that fails while it waits is no end
	os.Remove(filepath.Join(fake, "hold"))
	if err := <-watching; err != nil {
		t.Error(err)
	}
	calls := lines(t, filepath.Join(fake, "calls"))
	if len(calls) != 2 || !strings.Contains(calls[1], "--array=0-1 ") {
		t.Errorf("sbatch was called so:\n%s", strings.Join(calls, "\n"))
	}
}

// A queue that takes nothing is an error at once, one that takes a part after that part.
func TestSlurmRejects(t *testing.T) {
	s, fake := slurmed(t, 2)
	const message = "sbatch: error: QOSMaxSubmitJobPerUserLimit"
	put(t, fake, "reject", message)
	put(t, fake, "accept", "0")
	if _, err := Make(s, "working", "works", workers(5)...); err == nil ||
		!strings.Contains(err.Error(), message) {
		t.Errorf("%v", err)
	}
	put(t, fake, "accept", "2")
	if _, err := Make(s, "working", "works", workers(5)...); err == nil ||
		!strings.Contains(err.Error(), message) ||
		!strings.Contains(err.Error(), "3 of 5 records were not submitted") {
		t.Errorf("%v", err)
	}
	if keys, err := Missing(s, workers(5)...); err != nil || len(keys) != 3 {
		t.Errorf("missing %v, %v", keys, err)
	}
	os.Remove(filepath.Join(fake, "reject"))
	if _, err := Make(s, "working", "works", workers(5)...); err != nil {
		t.Error(err)
	}
}

// At SIGTERM a job keeps what it has, and the next one finds it.
func TestSlurmTerminates(t *testing.T) {
	s, _ := slurmed(t, 1000)
	put(t, ".", "wait-0", "")
	watching := make(chan error)
	go func() {
		_, err := Make(s, "working", "works", workers(1)...)
		watching <- err
	}()
	log := filepath.Join(s.sweeps(), "*", "101_0.log")
	until(t, watching, func() bool {
		found := globbed(log)
		return len(found) == 1 &&
			strings.Contains(strings.Join(lines(t, found[0]), "\n"), "waiting")
	})
	if err := syscall.Kill(workerOf(t, s), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-watching; err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("%v", err)
	}
	if len(globbed("records/quick/04/checkpoints/task-0-*/half")) != 1 {
		t.Error("the job kept nothing")
	}
	os.Remove("wait-0")
	if _, err := Make(s, "working", "works", workers(1)...); err != nil {
		t.Error(err)
	}
}

// workerOf finds the process of the study's only job.
func workerOf(t *testing.T, s *Study) int {
	t.Helper()
	programs, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, path := range programs {
		program, err := os.Readlink(path)
		var id int
		if err == nil && strings.HasPrefix(program, s.sweeps()+"/") {
			if _, err := fmt.Sscanf(path, "/proc/%d/exe", &id); err != nil {
				t.Fatal(err)
			}
			return id
		}
	}
	t.Fatal("no process of a job")
	return 0
}

func TestSlurmBadInput(t *testing.T) {
	s, fake := slurmed(t, 0)
	fails := func(what, want string) {
		t.Helper()
		if _, err := Make(s, "working", "works", workers(3)...); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; it should say %q", what, err, want)
		}
	}
	fails("no arrays", "takes no arrays")
	put(t, fake, "limit", "4")
	for text, want := range map[string]string{
		"--job-name=x":       "--job-name=x, which a sweep sets itself",
		"-o log":             "-o, which a sweep sets itself",
		"--array=1-4":        "as in --array=0-499%8",
		"--clusters=there":   "--clusters=there",
		`--comment="a word"`: "without quotes",
		"cpu":                `begins with "cpu"`,
	} {
		t.Setenv(sbatchVariable, text)
		fails(text, want)
	}
	t.Setenv(sbatchVariable, "")
	put(t, ".", "wait-0", "")
	if err := os.MkdirAll("records/quick/04/sweeps", 0o755); err != nil {
		t.Fatal(err)
	}
	keys, err := Missing(s, workers(3)...)
	if err != nil {
		t.Fatal(err)
	}
	name := s.nameOf(slurmPrefix, keys)
	put(t, s.sweeps(), name, "") // a file where the folder should be
	fails("no folder", "no folder for the sweep")
	os.Remove(filepath.Join(s.sweeps(), name))
	put(t, s.folder, keys[1]+".json", "{")
	fails("a damaged record", "truncated or altered")
	os.Remove(filepath.Join(s.folder, keys[1]+".json"))
	t.Setenv("PATH", t.TempDir())
	fails("no Slurm", "there is no squeue here")
}

func TestSbatchSettings(t *testing.T) {
	got, err := sbatchSettingsOf("--partition=cpu --time 60 --array=0-499%8")
	if err != nil || got.limit != 500 || got.at != "%8" ||
		!slices.Equal(got.options, []string{"--partition=cpu", "--time", "60"}) {
		t.Errorf("%+v, %v", got, err)
	}
	seen := slurmEnvironment([]string{"PATH=/bin", "TMPDIR=/x", "GONB_PIPE=/y", "SLURM_CONF=/z",
		"SLURM_CPUS_PER_TASK=8", "KERNELSMITH_ENGINE=slurm", "KERNELSMITH_DATA=/d"})
	if fmt.Sprint(seen) != "[PATH=/bin SLURM_CONF=/z KERNELSMITH_DATA=/d]" {
		t.Errorf("%v", seen)
	}
}
