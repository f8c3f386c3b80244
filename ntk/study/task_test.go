package study

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// opened is a study in a folder of the test's own.
func opened(t *testing.T, scale string) *Study {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("KERNELSMITH_SCALE", scale)
	t.Setenv(engineVariable, "")
	t.Setenv(taskVariable, "")
	s, err := Open("04")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// squares are tasks that count how often each is run.
func squares(n int, count []int) []Task[int] {
	tasks := make([]Task[int], n)
	for i := range tasks {
		tasks[i] = Task[int]{Label: fmt.Sprintf("square-%d", i), Key: struct{ I int }{i}, Steps: 2,
			Run: func(_ context.Context, _ string, report func(Report)) (int, error) {
				report(Report{Done: 1, Status: "half", Note: "a note"})
				count[i]++
				return i * i, nil
			}}
	}
	return tasks
}

func TestMakeLoadsWhatIsThere(t *testing.T) {
	s := opened(t, "")
	count := make([]int, 4)
	tasks := squares(4, count)
	if _, err := Make(s, "squaring", "squares", tasks[2]); err != nil {
		t.Fatal(err)
	}
	keys, err := Missing(s, append(tasks, tasks[0])...)
	if err != nil || len(keys) != 3 || !strings.HasPrefix(keys[2], "square-3-") {
		t.Errorf("missing %v, %v", keys, err)
	}
	for range 2 {
		got, err := Make(s, "squaring", "squares", tasks...)
		if err != nil || fmt.Sprint(got) != "[0 1 4 9]" {
			t.Errorf("%v, %v", got, err)
		}
	}
	if fmt.Sprint(count) != "[1 1 1 1]" {
		t.Errorf("runs: %v", count)
	}
	files, _ := filepath.Glob("records/quick/04/square-*.json")
	if len(files) != 4 {
		t.Errorf("records: %v", files)
	}
	if keys, err = Missing(s, tasks...); err != nil || len(keys) != 0 {
		t.Errorf("missing %v, %v", keys, err)
	}
}

// A failure keeps what is finished, names the task, and the next call goes on in the folder that
// the task was given.
func TestMakeGoesOn(t *testing.T) {
	s := opened(t, quick)
	count := make([]int, 3)
	tasks := squares(3, count)
	broken := errors.New("broken")
	fails := true
	tasks[1].Run = func(_ context.Context, folder string, _ func(Report)) (int, error) {
		path := filepath.Join(folder, "half")
		if fails {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Error(err)
			}
			return 0, broken
		}
		_, err := os.Stat(path)
		return 1, err
	}
	if _, err := Make(s, "squaring", "squares", tasks...); !errors.Is(err, broken) ||
		!strings.Contains(err.Error(), "square-1") {
		t.Errorf("%v", err)
	}
	fails = false
	if got, err := Make(s, "squaring", "squares", tasks...); err != nil ||
		fmt.Sprint(got) != "[0 1 4]" || count[0] != 1 {
		t.Errorf("%v, %v; runs %v", got, err, count)
	}
}

func TestMakeIsInterrupted(t *testing.T) {
	s := opened(t, quick)
	task := Task[int]{Label: "slow", Key: 1, Run: func(
		ctx context.Context, _ string, _ func(Report),
	) (int, error) {
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
		return 0, ctx.Err()
	}}
	if _, err := Make(s, "waiting", "waits", task); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// Only what can be gone on with says so.
func TestInterruptWithoutCheckpoint(t *testing.T) {
	s := opened(t, quick)
	for note, lost := range map[string]bool{"": false, "no space": true} {
		task := Task[int]{Label: "slow", Key: note, Run: func(
			ctx context.Context, _ string, _ func(Report),
		) (int, error) {
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Error(err)
			}
			<-ctx.Done()
			return 0, &train.InterruptedError{Epoch: 3, Epochs: 9, Err: ctx.Err(), NotKept: note}
		}}
		_, err := Make(s, "waiting", "waits", task)
		if !errors.Is(err, context.Canceled) ||
			strings.Contains(err.Error(), "run it again to go on") == lost {
			t.Errorf("%q: %v", note, err)
		}
	}
}

// What JSON does not bring back is refused before the run, or else not kept.
func TestResultsThatJSONLoses(t *testing.T) {
	s := opened(t, quick)
	_, err := Remember(s, "matrix", 1, func() (*mat.Dense, error) {
		t.Error("it was run")
		return mat.NewDense(1, 1, []float64{2}), nil
	})
	if err == nil || !strings.Contains(err.Error(), "unexported field mat") {
		t.Errorf("a matrix: %v", err)
	}
	task := Task[map[string]any]{Label: "any", Key: 1, Run: func(
		context.Context, string, func(Report),
	) (map[string]any, error) {
		return map[string]any{"width": 64}, nil
	}}
	if _, err := Make(s, "making", "maps", task); err == nil ||
		!strings.Contains(err.Error(), "is of type int and comes back as float64") {
		t.Errorf("an int in an interface: %v", err)
	}
	if keys, err := Missing(s, task); err != nil || len(keys) != 1 {
		t.Errorf("missing %v, %v", keys, err)
	}
}

func TestPrintedCommandsMakeTheRecords(t *testing.T) {
	if key := os.Getenv(taskVariable); key != "" { // the program of a command
		s, err := Open("04")
		if err != nil {
			t.Fatal(err)
		}
		count := make([]int, 4)
		tasks := squares(4, count)
		if _, err := Make(s, "squaring", "squares", tasks[:2]...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		_, err = Make(s, "squaring", "squares", tasks[2:]...)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	s := opened(t, quick)
	count := make([]int, 4)
	tasks := squares(4, count)
	var printed bytes.Buffer
	output = &printed
	defer func() { output = os.Stdout }()
	t.Setenv(engineVariable, "print")
	arguments := os.Args
	defer func() { os.Args = arguments }()
	os.Args = []string{arguments[0], "-test.run=TestPrintedCommandsMakeTheRecords",
		"it's an argument"}
	_, err := Make(s, "squaring", "squares", tasks...)
	var not *notMadeError
	if !errors.As(err, &not) || len(not.Keys) != 4 {
		t.Fatalf("%v", err)
	}
	lines := strings.Split(strings.TrimSpace(printed.String()), "\n")
	if len(lines) != 4 || count[0] != 0 {
		t.Fatalf("%d commands, runs %v", len(lines), count)
	}
	if want := `'it'\''s an argument' && test -f `; !strings.Contains(lines[0], want) {
		t.Errorf("%s does not have the program's argument %s", lines[0], want)
	}
	command := func(line string) ([]byte, error) {
		c := exec.Command("sh", "-c", line)
		c.Env = append(os.Environ(), engineVariable+"=")
		return c.CombinedOutput()
	}
	// A later task's program needs what comes before it.
	if out, err := command(lines[3]); err == nil || !strings.Contains(string(out), not.Keys[0]) {
		t.Errorf("%v, %s", err, out)
	}
	unknown := strings.Replace(lines[0], not.Keys[0], "none-0000000000000000", 1)
	for _, line := range lines {
		if out, err := command(line); err != nil {
			t.Errorf("%s: %v, %s", line, err, out)
		}
	}
	// A second worker finds the record and has nothing to do; a key of no task is none.
	if out, err := command(lines[2]); err != nil {
		t.Errorf("%v, %s", err, out)
	}
	if out, err := command(unknown); err == nil {
		t.Errorf("an unknown key: %s", out)
	}
	got, err := Make(s, "squaring", "squares", tasks...)
	if err != nil || fmt.Sprint(got) != "[0 1 4 9]" || fmt.Sprint(count) != "[0 0 0 0]" {
		t.Errorf("%v, %v; runs %v", got, err, count)
	}
}

func TestBadStudies(t *testing.T) {
	s := opened(t, quick)
	for _, name := range []string{"", "../x", "a b", "-a"} {
		if _, err := Open(name); err == nil {
			t.Errorf("%q is a study", name)
		}
	}
	bad := squares(1, make([]int, 1))
	bad[0].Label = "no/label"
	if _, err := Make(s, "squaring", "squares", bad...); err == nil ||
		!strings.Contains(err.Error(), "no/label") {
		t.Errorf("%v", err)
	}
	if _, err := Missing(s, bad...); err == nil {
		t.Error("a bad label is missing")
	}
	tasks := squares(1, make([]int, 1))
	if _, err := Make(s, "squaring", "squares", tasks...); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("records/quick/04/square-*.json")
	if err := os.WriteFile(files[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(s, "squaring", "squares", tasks...); err == nil ||
		!strings.Contains(err.Error(), "truncated") {
		t.Errorf("a damaged record: %v", err)
	}
	t.Setenv(engineVariable, "magic")
	if _, err := Make(s, "squaring", "squares", tasks[:0]...); err == nil ||
		!strings.Contains(err.Error(), "magic") {
		t.Errorf("%v", err)
	}
	t.Setenv("KERNELSMITH_SCALE", "huge")
	if _, err := Open("04"); err == nil || !strings.Contains(err.Error(), "huge") {
		t.Errorf("%v", err)
	}
	if AtScale(s, 1, 2) != 2 || AtScale(&Study{scale: paper}, 1, 2) != 1 {
		t.Error("AtScale")
	}
}
