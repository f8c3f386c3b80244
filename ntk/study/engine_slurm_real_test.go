//go:build slurm

package study

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// These tests are for a real Slurm: tools/slurm/cluster, with MaxArraySize=5, runs them.

// clustered is a study on the Slurm that SLURM_CONF names, whose jobs run the program of a test.
func clustered(t *testing.T, program string) *Study {
	t.Helper()
	if os.Getenv("CLUSTER") == "" {
		t.Fatal("this runs on tools/slurm/cluster; see make test-slurm")
	}
	s := opened(t, quick)
	t.Setenv(engineVariable, "slurm")
	t.Setenv(sbatchVariable, "")
	first, last := firstLook, lastLook
	firstLook, lastLook = 200*time.Millisecond, time.Second
	arguments := os.Args
	os.Args = []string{arguments[0], "-test.run=^TestSlurmProgram$", program}
	t.Cleanup(func() { firstLook, lastLook, os.Args = first, last, arguments })
	return s
}

// trained are small trainings, of 16 rows in 8 dimensions.
func trained(trials, epochs int) []Task[*train.Trace] {
	r := rand.New(rand.NewPCG(1, 2))
	rows := func(n, d int) *mat.Dense {
		x := mat.NewDense(n, d, nil)
		for i := range n {
			for j := range d {
				x.Set(i, j, r.NormFloat64())
			}
		}
		return x
	}
	net := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, math.Sqrt2, 0.1))
	return Runs{
		Nets: []Net{{Name: "ReLU", Arch: net}},
		Data: train.Problem{XTrain: rows(16, 8), YTrain: rows(16, 1), XTest: rows(16, 8),
			YTest: rows(16, 1)},
		Width: 64, Trials: trials,
		Settings: train.Settings{LearningRate: 0.01, Epochs: epochs,
			CheckpointEvery: 50 * time.Millisecond},
	}.Tasks()
}

// programs are the tasks of the tests, by name.
var programs = map[string]func() []Task[*train.Trace]{
	"many":  func() []Task[*train.Trace] { return trained(12, 50) },
	"long":  func() []Task[*train.Trace] { return trained(3, 200_000) },
	"short": func() []Task[*train.Trace] { return trained(2, 40) },
	"failing": func() []Task[*train.Trace] {
		tasks := trained(2, 30)
		tasks[1].Run = func(context.Context, string, func(Report)) (*train.Trace, error) {
			return nil, errors.New("this task is broken")
		}
		return tasks
	},
}

// TestSlurmProgram is the program of the jobs.
func TestSlurmProgram(t *testing.T) {
	if os.Getenv(taskVariable) == "" {
		return // it is no job
	}
	s, err := Open("04")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Make(s, "working", "works", programs[os.Args[len(os.Args)-1]]()...)
	fmt.Fprintln(os.Stderr, err)
	os.Exit(3)
}

// asked runs a command of Slurm.
func asked(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	out, err := exec.Command(name, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v, %s", name, err, out)
	}
	return string(out)
}

// jobs counts the arrays that Slurm has seen in this study.
func jobs(t *testing.T, s *Study) int {
	t.Helper()
	out := asked(t, "squeue", "--noheader", "--states=all", "--array", "--format=%F|%Z")
	seen := map[string]bool{}
	for line := range strings.Lines(out) {
		id, folder, _ := strings.Cut(strings.TrimSpace(line), "|")
		if strings.HasPrefix(s.folder, folder+"/") {
			seen[id] = true
		}
	}
	return len(seen)
}

func TestRealSlurmArrays(t *testing.T) {
	s := clustered(t, "many")
	got, err := Make(s, "working", "works", programs["many"]()...)
	if err != nil || len(got) != 12 {
		t.Fatal(err)
	}
	for i, trace := range got {
		if trace.Seed != uint64(i+1) || !strings.HasSuffix(trace.Arithmetic, " 1 thread") {
			t.Errorf("trial %d: seed %d, %s", i, trace.Seed, trace.Arithmetic)
		}
	}
	if n := jobs(t, s); n != 3 {
		t.Errorf("%d arrays of at most 5 for 12 records", n)
	}
	t.Setenv(sbatchVariable, "--cpus-per-task=2 --array=0-1%1")
	os.Args[len(os.Args)-1] = "short"
	got, err = Make(s, "working", "works", programs["short"]()...)
	if err != nil || !strings.HasSuffix(got[1].Arithmetic, " 2 threads") {
		t.Errorf("%v, %v", got, err)
	}
}

// begun waits until a record has a checkpoint and returns the process that makes it.
func begun(t *testing.T, s *Study, key string, call <-chan error) (process int) {
	t.Helper()
	checkpoint := filepath.Join(s.folder, "checkpoints", key, "*.checkpoint")
	until(t, call, func() bool { return len(globbed(checkpoint)) > 0 })
	for _, path := range globbed("/proc/[0-9]*/environ") {
		b, _ := os.ReadFile(path)
		if strings.Contains(string(b), "\x00"+taskVariable+"="+key+"\x00") {
			id, err := strconv.Atoi(strings.Split(path, "/")[2])
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
	}
	t.Fatal("no process makes ", key)
	return 0
}

// calling calls Make for the long tasks.
func calling(s *Study) <-chan error {
	call := make(chan error, 1)
	go func() {
		_, err := Make(s, "working", "works", programs["long"]()...)
		call <- err
	}()
	return call
}

// resumed says whether a log tells of a run that went on from a checkpoint.
func resumed(t *testing.T, log string) bool {
	t.Helper()
	return strings.Contains(strings.Join(lines(t, log), "\n"), "resumed at epoch")
}

// A job that is killed fails, and goes on from its checkpoint when it is submitted again; one that
// is requeued keeps a checkpoint at SIGTERM and goes on by itself; an interrupt leaves both, and
// the next call submits nothing that is in the queue.
func TestRealSlurmGoesOn(t *testing.T) {
	s := clustered(t, "long")
	keys, err := Missing(s, programs["long"]()...)
	if err != nil {
		t.Fatal(err)
	}
	call := calling(s)
	if err := syscall.Kill(begun(t, s, keys[0], call), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	begun(t, s, keys[1], call)
	id := lines(t, globbed(filepath.Join(s.sweeps(), "*", "jobs"))[0])[0]
	asked(t, "scontrol", "requeue", id+"_1")
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-call; err == nil || !strings.Contains(err.Error(), "scancel "+id) {
		t.Fatal(err)
	}
	for !strings.Contains(asked(t, "squeue", "--noheader", "--array", "--states=failed",
		"--job="+id, "--format=%K,"), "0,") {
		time.Sleep(100 * time.Millisecond)
	}
	folder := globbed(filepath.Join(s.sweeps(), "*"))[0]
	requeued := filepath.Join(folder, id+"_1.log")
	call = calling(s)
	until(t, call, func() bool { return resumed(t, requeued) })
	log := strings.Join(lines(t, requeued), "\n")
	if !strings.Contains(log, "training stopped after") {
		t.Errorf("no interrupt in the log of the job that was requeued:\n%s", log)
	}
	again := filepath.Join(s.sweeps(), "*", "*_0.log")
	until(t, call, func() bool {
		logs := globbed(again)
		return len(logs) == 2 && (resumed(t, logs[0]) || resumed(t, logs[1]))
	})
	if err := <-call; err != nil {
		t.Error(err)
	}
	if n := jobs(t, s); n != 2 {
		t.Errorf("%d arrays; there should be one, and one for the job that was killed", n)
	}
}

func TestRealSlurmFailures(t *testing.T) {
	s := clustered(t, "failing")
	_, err := Make(s, "working", "works", programs["failing"]()...)
	if err == nil || !strings.Contains(err.Error(), "1 of 2 records failed") ||
		!strings.Contains(err.Error(), "(failed on n1)") ||
		!strings.Contains(err.Error(), "this task is broken") {
		t.Error(err)
	}
	t.Setenv(sbatchVariable, "--partition=none")
	if _, err := Make(s, "working", "works", programs["failing"]()...); err == nil ||
		!strings.Contains(err.Error(), "invalid partition") {
		t.Error(err)
	}
}

// node starts the node's daemon anew, in a view of the file system that a command makes.
func node(t *testing.T, view string) {
	t.Helper()
	cluster := os.Getenv("CLUSTER")
	stop := fmt.Sprintf(`pid=$(cat %[1]s/slurmd.pid) && kill $pid && while kill -0 $pid 2>/dev/null
do sleep .1; done; `, cluster)
	start := fmt.Sprintf(`exec unshare --mount sh -c '%s exec slurmd -f "$SLURM_CONF"'`, view)
	if out, err := exec.Command("sh", "-c", stop+start).CombinedOutput(); err != nil {
		t.Fatalf("the node does not start: %v, %s", err, out)
	}
	for !strings.Contains(asked(t, "sinfo", "--noheader", "--format=%T"), "idle") {
		time.Sleep(100 * time.Millisecond)
	}
}

// A node that does not see the folder, and one whose disk is full; this needs root.
func TestRootSlurmNodes(t *testing.T) {
	s := clustered(t, "short")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	defer node(t, "")
	fails := func(want string) {
		t.Helper()
		_, err := Make(s, "working", "works", programs["short"]()...)
		if err == nil || !strings.Contains(err.Error(), "2 of 2 records failed") ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v; it should say %q", err, want)
		}
		t.Log(err)
	}
	node(t, "mount -t tmpfs none "+here+" &&")
	fails("without a log")
	full := filepath.Join(s.folder, "checkpoints")
	if err := os.MkdirAll(full, 0o755); err != nil {
		t.Fatal(err)
	}
	node(t, "mount -t tmpfs -o size=16k none "+full+" &&")
	fails("no space left on device")
	node(t, "")
	if _, err := Make(s, "working", "works", programs["short"]()...); err != nil {
		t.Error(err)
	}
}
