package train_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	. "github.com/kernelsmith/kernelsmith/ntk/train"
)

// checkpointRun has biases, two slots a parameter, batches with a short last
// one and a plateau to watch: all that a state has.
func checkpointRun(dir string) Run {
	p := smallProblem()
	return Run{model(nets["2HL erf"], 3, 12, 2, 5), p, Settings{
		LearningRate: 0.01, Epochs: 12, Optimizer: Adam{}, Batch: 7, Plateau: 100,
		Checkpoints: dir, CheckpointEvery: time.Nanosecond,
	}}
}

// folder is a folder for one test, in memory where there is such a file system:
// the tests are about what is written, not about how long a disk takes.
func folder(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "kernelsmith-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// result is what must not depend on interruptions.
func result(trace *Trace) string {
	t := *trace
	t.Seconds = 0
	return string(ntk.Must(json.Marshal(t)))
}

// near compares points, bit for bit with the portable arithmetic.
func near(t *testing.T, what string, got, want []Point) {
	t.Helper()
	bound := 1e-5 // OpenBLAS may add in another order
	if accel.Current().Portable() {
		bound = 0
	}
	nearTo(t, what, bound, got, want)
}

func nearTo(t *testing.T, what string, bound float64, got, want []Point) {
	t.Helper()
	if d := cmp.Diff(
		want, got,
		cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= bound*(1+math.Abs(b)) }),
	); d != "" {
		t.Errorf("%s: other points:\n%s", what, d)
	}
}

// TestCheckpointChild is no test: others run it in a process of its own.
func TestCheckpointChild(t *testing.T) {
	dir := os.Getenv("KERNELSMITH_TEST_CHECKPOINTS")
	if dir == "" {
		t.Skip("runs as a child of others")
	}
	run := checkpointRun(dir)
	run.Settings.Progress = func(Progress) { time.Sleep(100 * time.Microsecond) }
	trace, err := run.Train(context.Background())
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("result", result(trace))
	os.Exit(0)
}

// checkpointChild is a process that does the run in the folder, with the portable
// arithmetic.
func checkpointChild(dir string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestCheckpointChild$")
	cmd.Env = append(os.Environ(), "KERNELSMITH_OPENBLAS=off", "KERNELSMITH_TEST_CHECKPOINTS="+dir)
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

// Processes killed at random moments, until fifty were and a run came to its
// end: the same bytes as of a run that was let alone.
func TestKill(t *testing.T) {
	var want string
	alone := time.Hour
	for range 4 {
		cmd, out := checkpointChild(folder(t))
		start := time.Now()
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		alone, want = min(alone, time.Since(start)), out.String()
	}
	if !strings.HasPrefix(want, "result {") || strings.Contains(want, "Notes") {
		t.Fatalf("the run alone says %s", want)
	}
	r := rand.New(rand.NewPCG(3, uint64(time.Now().UnixNano())))
	kills, resumed, ends := 0, 0, 0
	for kills < 50 || ends == 0 || resumed < 10 {
		if kills == 1000 {
			t.Fatalf("of %d kills %d left a checkpoint, and %d runs came to their end", kills,
				resumed, ends)
		}
		dir := folder(t)
		for {
			cmd, out := checkpointChild(dir)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			var err error
			killed := false
			select {
			case err = <-done:
			case <-time.After(time.Duration(r.Float64() * 0.8 * float64(alone))):
				cmd.Process.Kill()
				err, killed = <-done, true
			}
			if killed && err != nil && out.Len() == 0 {
				kills++
				if files, _ := filepath.Glob(filepath.Join(dir, "*.checkpoint")); len(files) == 1 {
					resumed++
				}
				continue
			}
			if out.String() != want {
				t.Fatalf("after %d kills in all: %v\n%s\nwant\n%s", kills, err, out, want)
			}
			ends++
			break
		}
	}
	t.Logf("%d kills, %d with a checkpoint there, %d runs came to their end", kills, resumed, ends)
}

// interruptAt trains until so many steps are done, and then ends by the context.
func interruptAt(t *testing.T, run Run, steps int) *Trace {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	before, n := run.Settings.Progress, 0
	run.Settings.Progress = func(p Progress) {
		if n++; n == steps {
			cancel()
		}
		if before != nil {
			before(p)
		}
	}
	trace, err := run.Train(ctx)
	var interrupted *InterruptedError
	if !errors.As(err, &interrupted) || !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted at step %d: %v", steps, err)
	}
	return trace
}

// An interrupted run goes on from each of its steps, for every kind of state.
func TestInterruptAndResume(t *testing.T) {
	whole := checkpointRun("")
	whole.Settings.Snapshots = []int{7, 8}
	points := ntk.Must(whole.Train(context.Background())).Points
	level := (points[0].TrainLoss + points[1].TrainLoss) / 2
	for name, change := range map[string]func(s *Settings){
		"all": func(s *Settings) {},
		"descent": func(s *Settings) {
			s.Optimizer, s.Batch, s.CheckpointEvery = nil, 0,
				time.Hour // so that only the interruption writes
		},
		"momentum":   func(s *Settings) { s.Optimizer, s.Batch = Momentum{0.9}, 0 },
		"uncentered": func(s *Settings) { s.Uncentered, s.Optimizer = true, nil },
		"stopped": func(s *Settings) {
			s.StopBelow, s.StopEvery, s.Snapshots = level, 3,
				[]int{0}
		},
	} {
		plain := checkpointRun("")
		change(&plain.Settings)
		plain.Settings.Checkpoints = ""
		want := ntk.Must(plain.Train(context.Background()))
		if (want.Stopped != "") != (name == "stopped") {
			t.Fatalf("%s: stopped %q", name, want.Stopped)
		}
		perEpoch := (20 + 6) / 7
		if plain.Settings.Batch == 0 {
			perEpoch = 1
		}
		last := want.Points[len(want.Points)-1].Epoch * perEpoch
		for _, steps := range []int{1, perEpoch, 2*perEpoch + 1, last - 1} {
			run := checkpointRun(folder(t))
			change(&run.Settings)
			interruptAt(t, run, steps)
			resumed := -1
			run.Settings.Progress = func(p Progress) { resumed = p.Resumed }
			got := ntk.Must(run.Train(context.Background()))
			near(t, fmt.Sprintf("%s, step %d", name, steps), got.Points, want.Points)
			if resumed != steps/perEpoch || got.Stopped != want.Stopped || got.Notes != nil {
				t.Errorf("%s, step %d: resumed at epoch %d, stopped %q, notes %q", name, steps,
					resumed, got.Stopped, got.Notes)
			}
			if accel.Current().Portable() && result(got) != result(want) {
				t.Errorf("%s, step %d: %s\nwant %s", name, steps, result(got), result(want))
			}
			// A run that has ended is not done again, and keeps one small file.
			run.Settings.Progress = func(Progress) { t.Error("a step after the end") }
			again := ntk.Must(run.Train(context.Background()))
			if d := cmp.Diff(got, again); d != "" {
				t.Errorf("%s: read again:\n%s", name, d)
			}
			files, _ := os.ReadDir(run.Settings.Checkpoints)
			if info, err := files[0].Info(); len(files) != 1 || err != nil || info.Size() > 8<<10 {
				t.Errorf("%s: left %v, %v", name, files, info)
			}
		}
	}
}

// The same with the context done at any look at it: within a step, before and
// after a measurement, and while a checkpoint of that step is there.
func TestInterruptAnywhere(t *testing.T) {
	plain := checkpointRun("")
	plain.Settings.Epochs, plain.Settings.Snapshots = 3, []int{0, 1, 2, 3}
	want := ntk.Must(plain.Train(context.Background()))
	for looks := 0; ; looks++ {
		run := plain
		run.Settings.Checkpoints = folder(t)
		_, err := run.Train(&countdown{Context: context.Background(), left: looks})
		if err == nil {
			if looks < 50 {
				t.Errorf("a run looks at its context %d times", looks)
			}
			break
		}
		got := ntk.Must(run.Train(context.Background()))
		near(t, fmt.Sprintf("after %d looks", looks), got.Points, want.Points)
		if accel.Current().Portable() && result(got) != result(want) {
			t.Errorf("after %d looks: %s\nwant %s", looks, result(got), result(want))
		}
	}
}

// Net.Train keeps the weights of the end too, and takes up only runs that began
// from the same weights.
func TestResumeNet(t *testing.T) {
	run := checkpointRun(folder(t))
	fresh := func() Net { return ntk.Must(run.Model.New()) }
	a, b, c := fresh(), fresh(), fresh()
	first := ntk.Must(Train(context.Background(), a, run.Problem, run.Settings))
	run.Settings.Progress = func(Progress) { t.Error("a step after the end") }
	second := ntk.Must(Train(context.Background(), b, run.Problem, run.Settings))
	if d := cmp.Diff(first, second); d != "" || Fingerprint(a) != Fingerprint(b) {
		t.Errorf("the net that was read is not the one that was trained\n%s", d)
	}
	steps := 0
	run.Settings.Progress = func(p Progress) {
		if steps++; p.Resumed != 0 {
			t.Error("a net that began elsewhere took up a checkpoint")
		}
	}
	c.Parameters()[2].Values[3] += 1
	ntk.Must(Train(context.Background(), c, run.Problem, run.Settings))
	if steps == 0 {
		t.Error("no step")
	}
}

// Whatever is changed in the settings, the checkpoint is not taken up; nor is a
// file that was given the name of another run's.
func TestOtherSettingsDoNotResume(t *testing.T) {
	dir := folder(t)
	run := checkpointRun(dir)
	interruptAt(t, run, 20)
	old := files(t, dir, ".checkpoint")[0]
	for name, change := range map[string]func(r *Run){
		"rate":      func(r *Run) { r.Settings.LearningRate *= 1.0000001 },
		"epochs":    func(r *Run) { r.Settings.Epochs++ },
		"seed":      func(r *Run) { setSize(r, 12, 6) },
		"data":      func(r *Run) { r.Problem.XTrain = normals(77, 20, 3) },
		"optimizer": func(r *Run) { r.Settings.Optimizer = Adam{Beta1: 0.91} },
		"batch":     func(r *Run) { r.Settings.Batch = 8 },
		"σ_b":       func(r *Run) { setArch(r, ntk.Must(ntk.UniformFCN(2, ntk.Erf{}, 1.5, 0.31))) },
	} {
		other := checkpointRun(dir)
		change(&other)
		for _, stolen := range []bool{false, true} {
			if stolen {
				file := ntk.Must(CheckpointFile(other))
				if err := os.WriteFile(file, ntk.Must(os.ReadFile(old)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			plain := other
			plain.Settings.Checkpoints = ""
			resumed := 0
			other.Settings.Progress = func(p Progress) { resumed += p.Resumed }
			got, want := ntk.Must(other.Train(context.Background())), ntk.Must(
				plain.Train(context.Background()))
			near(t, name, got.Points, want.Points)
			notes := strings.Join(got.Notes, "; ")
			if resumed != 0 || stolen != strings.Contains(notes, "other settings") ||
				stolen != strings.Contains(notes, "started anew") {
				t.Errorf("%s, stolen %v: resumed %d, notes %q", name, stolen, resumed, notes)
			}
			for _, f := range files(t, dir, "") {
				if f != old {
					os.Remove(f)
				}
			}
		}
	}
}

func files(t *testing.T, dir, ending string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+ending))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// regions are where the parts of a checkpoint begin.
func regions(t *testing.T, b []byte) (starts []int, names []string) {
	t.Helper()
	add := func(at int, name string) { starts, names = append(starts, at), append(names, name) }
	add(0, "magic")
	add(8, "header length")
	add(16, "header")
	at := 16 + int(binary.LittleEndian.Uint64(b[8:]))
	add(at, "header digest")
	at += 32
	for i := 0; at < len(b); i++ {
		size := int(binary.LittleEndian.Uint64(b[at:]))
		add(at, fmt.Sprintf("length of array %d", i))
		if size > 0 {
			add(at+8, fmt.Sprintf("array %d", i))
		}
		add(at+8+size, fmt.Sprintf("digest of array %d", i))
		at += 8 + size + 32
	}
	if at != len(b) {
		t.Fatalf("the regions end at %d of %d bytes", at, len(b))
	}
	return append(starts, at), names
}

// A newest checkpoint that is cut off or changed anywhere is found out: the run
// goes on from the other generation, or anew if that is gone, says so, and ends
// as it would have.
func TestDamagedCheckpoint(t *testing.T) {
	source := folder(t)
	run := checkpointRun(source)
	interruptAt(t, run, 20)
	newest, older := files(t, source, ".checkpoint")[0], files(t, source, ".before")[0]
	good, before := ntk.Must(os.ReadFile(newest)), ntk.Must(os.ReadFile(older))
	plain := checkpointRun("")
	want := ntk.Must(plain.Train(context.Background())).Points

	starts, names := regions(t, good)
	olderStarts, _ := regions(t, before)
	type damage struct {
		name  string
		bytes []byte
	}
	var damages []damage
	r := rand.New(rand.NewPCG(9, 9))
	for i, name := range names {
		from, to := starts[i], starts[i+1]
		middle := from + r.IntN(to-from)
		damages = append(damages, damage{"cut off before " + name, good[:from]},
			damage{"cut off in " + name, good[:middle]})
		for _, at := range []int{from, middle, to - 1} {
			b := slices.Clone(good)
			b[at] ^= byte(1 << r.IntN(8))
			damages = append(damages, damage{"a bit in " + name, b})
		}
		b := slices.Clone(good)
		clear(b[from:to]) // blocks that never reached the disk
		damages = append(damages, damage{"zeros in " + name, b})
		// blocks of the file that was there before
		older := before[olderStarts[i]:olderStarts[i+1]]
		damages = append(damages,
			damage{"the older " + name, slices.Concat(good[:from], older, good[to:])})
		if i > 3 && strings.HasPrefix(name, "array") { // with its digest, which follows it
			damages = append(
				damages,
				damage{
					"the older whole " + name,
					slices.Concat(good[:from], before[olderStarts[i]:olderStarts[i+2]],
						good[starts[i+2]:]),
				},
			)
		}
	}
	damages = append(damages, damage{"one byte more", append(slices.Clone(good), 0)},
		damage{"twice", append(slices.Clone(good), good...)})
	if len(damages) < 100 {
		t.Fatalf("%d kinds of damage", len(damages))
	}
	for i, d := range damages {
		same := bytes.Equal(d.bytes, good)
		for _, alone := range []bool{false, true} {
			if alone && i%7 > 0 {
				continue // to be quick
			}
			dir := folder(t)
			os.WriteFile(filepath.Join(dir, filepath.Base(newest)), d.bytes, 0o600)
			if !alone {
				os.WriteFile(filepath.Join(dir, filepath.Base(older)), before, 0o600)
			}
			again := checkpointRun(dir)
			again.Settings.CheckpointEvery = time.Hour
			resumed := 0
			again.Settings.Progress = func(p Progress) { resumed = p.Resumed }
			got, err := again.Train(context.Background())
			if err != nil {
				t.Fatalf("%s: %v", d.name, err)
			}
			near(t, d.name, got.Points, want)
			notes := strings.Join(got.Notes, "; ")
			says := "went on from the other generation"
			if alone {
				says = "started anew"
			}
			if !same &&
				(!strings.Contains(notes, says) || !strings.Contains(notes,
					filepath.Base(newest)) || len(files(t, dir, ".damaged")) != 1) {
				t.Errorf("%s, alone %v: notes %q", d.name, alone, notes)
			}
			if !same && (resumed > 0) == alone {
				t.Errorf("%s, alone %v: resumed at %d", d.name, alone, resumed)
			}
		}
	}
	// Both generations damaged.
	dir := folder(t)
	os.WriteFile(filepath.Join(dir, filepath.Base(newest)), good[:50], 0o600)
	os.WriteFile(filepath.Join(dir, filepath.Base(older)), before[:len(before)-1], 0o600)
	got := ntk.Must(checkpointRun(dir).Train(context.Background()))
	near(t, "both", got.Points, want)
	if notes := strings.Join(got.Notes, "; "); !strings.Contains(notes, "started anew") ||
		strings.Count(notes, "cannot be used") != 2 {
		t.Errorf("both: notes %q", notes)
	}
}

// A damaged newest file must not push the good older one out.
func TestDamageTwice(t *testing.T) {
	dir := folder(t)
	run := checkpointRun(dir)
	interruptAt(t, run, 20)
	newest := files(t, dir, ".checkpoint")[0]
	b := ntk.Must(os.ReadFile(newest))
	os.WriteFile(newest, b[:len(b)-1], 0o600)
	interruptAt(t, run, 3) // from the older generation; writes two more
	os.Remove(newest)      // as if killed between two renames
	resumed := 0
	run.Settings.Progress = func(p Progress) { resumed = p.Resumed }
	ntk.Must(run.Train(context.Background()))
	if resumed == 0 {
		t.Error("the older generation was lost")
	}
}

// fullDisk fails after so many bytes in all, as a full disk does.
type fullDisk struct {
	FaultyFile
	left *int
}

func (f fullDisk) Write(b []byte) (int, error) {
	if *f.left -= len(b); *f.left < 0 {
		return 0, syscall.ENOSPC
	}
	return f.FaultyFile.Write(b)
}

func TestFullDisk(t *testing.T) {
	plain := checkpointRun("")
	want := ntk.Must(plain.Train(context.Background())).Points
	for _, room := range []int{0, 1000, 64 << 10, 66 << 10, 70 << 10, 100 << 10, 200 << 10} {
		run := checkpointRun(folder(t))
		left := room
		run.Settings.Faults().Create = func(dir, pattern string) (FaultyFile, error) {
			f, err := os.CreateTemp(dir, pattern)
			return fullDisk{f, &left}, err
		}
		told := 0
		run.Settings.Progress = func(p Progress) {
			if strings.Contains(p.Note, syscall.ENOSPC.Error()) {
				told++
			}
		}
		got, err := run.Train(context.Background())
		if room < 64<<10 { // not even the trial before the run
			if err == nil || !errors.Is(err, syscall.ENOSPC) ||
				!strings.Contains(err.Error(), "run was not started") ||
				got != nil {
				t.Errorf("room for %d bytes: %v", room, err)
			}
		} else {
			if err != nil {
				t.Fatalf("room for %d bytes: %v", room, err)
			}
			near(t, "full disk", got.Points, want)
			if told == 0 || len(got.Notes) != 1 ||
				!strings.Contains(got.Notes[0], "could not be written") {
				t.Errorf("room for %d bytes: told %d times, notes %q", room, told, got.Notes)
			}
		}
		if tmp := files(t, run.Settings.Checkpoints, ".tmp"); len(tmp) != 0 {
			t.Errorf("room for %d bytes: left %v", room, tmp)
		}
		// With room again, the run goes on from what is there, if any.
		*run.Settings.Faults(), run.Settings.Progress = Faults{}, nil
		near(t, "room again", ntk.Must(run.Train(context.Background())).Points, want)
	}
}

// An interruption whose checkpoint cannot be written does not say that the run can go on.
func TestInterruptOnFullDisk(t *testing.T) {
	for room, lost := range map[int]bool{66 << 10: true, 1 << 30: false} {
		run := checkpointRun(folder(t))
		run.Settings.CheckpointEvery = time.Hour // the interruption alone writes
		left := room
		run.Settings.Faults().Create = func(dir, pattern string) (FaultyFile, error) {
			f, err := os.CreateTemp(dir, pattern)
			return fullDisk{f, &left}, err
		}
		ctx, cancel := context.WithCancel(context.Background())
		run.Settings.Progress = func(Progress) { cancel() }
		_, err := run.Train(ctx)
		var interrupted *InterruptedError
		if !errors.As(err, &interrupted) || !errors.Is(err, context.Canceled) ||
			(interrupted.NotKept != "") != lost ||
			strings.Contains(err.Error(), syscall.ENOSPC.Error()) != lost {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	dir := folder(t)
	file := filepath.Join(dir, "file")
	os.WriteFile(file, nil, 0o600)
	for name, folder := range map[string]string{"a file": file,
		"below a file": filepath.Join(file, "x")} {
		if _, err := checkpointRun(
			folder).Train(context.Background()); err == nil || !strings.Contains(err.Error(),
			"run was not started") ||
			!strings.Contains(err.Error(), folder) {
			t.Errorf("%s: %v", name, err)
		}
	}
	locked := filepath.Join(dir, "locked")
	os.Mkdir(locked, 0o555)
	run := checkpointRun(locked)
	if os.Getuid() == 0 || runtime.GOOS == "windows" { // permissions do not bind
		run.Settings.Faults().Create = func(string, string) (FaultyFile, error) {
			return nil,
				os.ErrPermission
		}
	}
	if trace, err := run.Train(context.Background()); !errors.Is(err, os.ErrPermission) ||
		trace != nil {
		t.Errorf("read-only folder: %v", err)
	}
	// A folder that does not exist yet is made.
	deep := checkpointRun(filepath.Join(dir, "a", "b c"))
	ntk.Must(deep.Train(context.Background()))
}

// A clock that jumps to and fro changes neither the result nor, by more than a
// jump back, how often checkpoints are written; time never runs backwards.
func TestClockJumps(t *testing.T) {
	plain := checkpointRun("")
	want := ntk.Must(plain.Train(context.Background())).Points
	const year = 365 * 24 * time.Hour
	for name, jump := range map[string]func(i int) time.Duration{
		"steady":     func(int) time.Duration { return time.Second },
		"stands":     func(int) time.Duration { return 0 },
		"year ahead": func(i int) time.Duration { return time.Duration(i%20/19) * year },
		"back":       func(int) time.Duration { return -time.Hour },
		"to and fro": func(i int) time.Duration {
			return time.Duration(1-2*(i%2)) * 10 * time.Hour
		},
		"year before": func(i int) time.Duration { return -time.Duration(i%20/19) * year },
	} {
		run := checkpointRun(folder(t))
		now, calls, writes := time.Date(2026, 3, 29, 2, 0, 0, 0, time.UTC), 0, 0
		run.Settings.CheckpointEvery = 10 * time.Second
		*run.Settings.Faults() = Faults{
			Now: func() time.Time { calls++; now = now.Add(jump(calls)); return now },
			Create: func(dir, pattern string) (FaultyFile, error) {
				writes++
				return os.CreateTemp(dir, pattern)
			},
		}
		got := ntk.Must(run.Train(context.Background()))
		near(t, name, got.Points, want)
		if got.Seconds < 0 {
			t.Errorf("%s: %v seconds", name, got.Seconds)
		}
		steps := 12 * 3
		if name == "steady" && (writes < 3 || writes > steps/3) ||
			name == "stands" && writes != 2 ||
			writes > steps+3 {
			t.Errorf("%s: %d writes in %d steps", name, writes, steps)
		}
	}
}

// Runs at once on one folder, in one process and in several, end alike, do not
// disturb each other, and leave what one would.
func TestRunsAtOnce(t *testing.T) {
	dir := folder(t)
	want := ntk.Must(checkpointRun("").Train(context.Background())).Points
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 3 {
				run := checkpointRun(dir)
				run.Settings.Progress = func(p Progress) {
					if p.Note != "" {
						t.Error(p.Note)
					}
				}
				got, err := run.Train(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				near(t, "at once", got.Points, want)
			}
		})
	}
	group.Wait()
	if left := files(t, dir, ""); len(left) > 2 {
		t.Errorf("left %v", left)
	}
	dir = folder(t)
	said := make([]string, 3)
	for i := range said {
		group.Go(func() {
			cmd, out := checkpointChild(dir)
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
			said[i] = out.String()
		})
	}
	group.Wait()
	for _, s := range said {
		if s != said[0] || !strings.HasPrefix(s, "result {") || strings.Contains(s, "Notes") {
			t.Errorf("processes at once say\n%s", strings.Join(said, ""))
		}
	}
}

// What a killed process left is removed when it is old, and nothing else is.
func TestLeftovers(t *testing.T) {
	dir := filepath.Join(folder(t), "a [b] *")
	run := checkpointRun(dir)
	os.Mkdir(dir, 0o755)
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{".x.checkpoint.123.tmp", ".y.checkpoint.123.tmp",
		"z.checkpoint.123.tmp", ".w.json.1.tmp"} {
		os.WriteFile(filepath.Join(dir, name), nil, 0o600)
		if name != ".y.checkpoint.123.tmp" {
			os.Chtimes(filepath.Join(dir, name), old, old)
		}
	}
	ntk.Must(run.Train(context.Background()))
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) != 4 || slices.Contains(names, ".x.checkpoint.123.tmp") {
		t.Errorf("left %q", names)
	}
}

// The interruption is noticed within a step: no layer is passed after it.
func TestInterruptWithinStep(t *testing.T) {
	run := checkpointRun("")
	run.Settings.Batch, run.Settings.Optimizer = 0, nil
	for after := range 7 { // layers forward and back
		net := ntk.Must(run.Model.New())
		want := Fingerprint(net)
		ctx := &countdown{Context: context.Background(), left: after}
		_, err := Train(ctx, net, run.Problem, run.Settings)
		var interrupted *InterruptedError
		if !errors.As(err, &interrupted) || Fingerprint(net) != want {
			t.Errorf("after %d looks at the context: %v, weights changed %v", after, err,
				Fingerprint(net) != want)
		}
	}
}

// countdown is a context that is done after so many looks at it.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

type countsSyncs struct {
	*os.File
	syncs *int
}

func (f countsSyncs) Sync() error {
	*f.syncs++
	return f.File.Sync()
}

// An interruption does not wait for the disk, which takes as long as several steps,
// and is gone on from all the same; other checkpoints are waited for.
func TestInterruptionIsQuick(t *testing.T) {
	run := checkpointRun(folder(t))
	want := ntk.Must(checkpointRun("").Train(context.Background())).Points
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	syncs, before := 0, 0
	run.Settings.Faults().Create = func(dir, pattern string) (FaultyFile, error) {
		f, err := os.CreateTemp(dir, pattern)
		return countsSyncs{f, &syncs}, err
	}
	run.Settings.CheckpointEvery = time.Hour
	run.Settings.Progress = func(p Progress) {
		if p.Epoch == 3 {
			before = syncs
			cancel()
		}
	}
	var interrupted *InterruptedError
	if _, err := run.Train(ctx); !errors.As(err, &interrupted) || interrupted.Epoch != 3 {
		t.Fatal(err)
	}
	if before == 0 || syncs != before {
		t.Errorf("%d syncs before the interruption, %d after it", before, syncs)
	}
	resumed := 0
	run.Settings.Progress = func(p Progress) { resumed = p.Resumed }
	near(t, "after the interruption", ntk.Must(run.Train(context.Background())).Points, want)
	if resumed != 3 || syncs == before {
		t.Errorf("resumed at %d, %d syncs", resumed, syncs)
	}
}
