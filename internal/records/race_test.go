package records

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
)

// racer and racePath name the folder of records, and by which way to make one, in the environment
// of a process that races.
const (
	racer    = "KERNELSMITH_TEST_RACER"
	racePath = "KERNELSMITH_TEST_RACE_PATH"
)

// raced is what a process of a race prints: the value it was given, or the error.
type raced struct {
	Value runValue
	Error string
}

// racePaths are the ways to make a record.
var racePaths = []string{"RememberResumable", "Remember", "Save"}

// TestMain is a process of a race where the environment says so, and else runs the tests.
func TestMain(m *testing.M) {
	if dir := os.Getenv(racer); dir != "" {
		if err := json.NewEncoder(os.Stdout).Encode(race(dir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// race makes the record once the other side closes the input, as all others do; its value is one
// that no other process has.
func race(dir string) (out raced) {
	io.Copy(io.Discard, os.Stdin)
	r, err := Open(dir)
	if err != nil {
		out.Error = err.Error()
		return out
	}
	value := func() runValue {
		loss := make([]float64, 1+rand.IntN(2000))
		return runValue{Loss: loss, Note: fmt.Sprint(len(loss), os.Getpid())}
	}
	switch os.Getenv(racePath) {
	case "Save":
		err = raceToSave(r, value)
	case "Remember":
		out.Value, err = Remember(r, "run", 1, func() (runValue, error) {
			time.Sleep(time.Duration(rand.IntN(int(5 * time.Millisecond))))
			return value(), nil
		})
	default:
		out.Value, err = raceToResume(r, value)
	}
	if err != nil {
		out.Error = err.Error()
	}
	return out
}

// raceToSave writes over what others write, and reads: each time a whole record of one of them.
func raceToSave(r *Folder, value func() runValue) error {
	k, err := KeyOf("run", 1)
	if err != nil {
		return err
	}
	for range 5 {
		if err := r.Save(k, value()); err != nil {
			return err
		}
		var v runValue
		found, err := r.Load(k, &v)
		if err != nil || !found || !strings.HasPrefix(v.Note, fmt.Sprint(len(v.Loss), " ")) {
			return fmt.Errorf("found %v, %d losses, note %s: %w", found, len(v.Loss), v.Note, err)
		}
	}
	return nil
}

// raceToResume checkpoints and goes on from what is there.
func raceToResume(r *Folder, value func() runValue) (runValue, error) {
	return RememberResumable(r, "run", 1, func(folder string) (runValue, error) {
		state := filepath.Join(folder, "state")
		for range 1 + rand.IntN(5) {
			if b, err := os.ReadFile(state); err == nil && len(b) != 1<<12 {
				return runValue{}, fmt.Errorf("a checkpoint of %d bytes", len(b))
			}
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return runValue{}, err
			}
			if err := atomicfile.WriteBytes(state, make([]byte, 1<<12)); err != nil {
				return runValue{}, err
			}
			time.Sleep(time.Duration(rand.IntN(int(time.Millisecond))))
		}
		if rand.IntN(8) == 0 {
			return runValue{}, errors.New("a failure of the run itself")
		}
		return value(), nil
	})
}

// runRace lets processes make one record at once, kills some of them at random moments, and
// returns what the others printed
// and how many were killed.
func runRace(t *testing.T, dir, path string, processes int, kill bool) (
	all []raced, killed int,
) {
	t.Helper()
	var outputs []*bytes.Buffer
	var commands []*exec.Cmd
	var starts []io.Closer
	for range processes {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), racer+"="+dir, racePath+"="+path)
		out := &bytes.Buffer{}
		c.Stdout, c.Stderr = out, os.Stderr
		start, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		outputs, commands, starts = append(outputs, out), append(commands, c), append(starts, start)
	}
	for _, start := range starts {
		start.Close()
	}
	for i, c := range commands {
		if kill && i%2 == 0 {
			time.AfterFunc(time.Duration(rand.IntN(int(40*time.Millisecond))), func() {
				c.Process.Kill()
			})
		}
	}
	for i, c := range commands {
		if err := c.Wait(); err != nil {
			if !kill || i%2 != 0 {
				t.Errorf("process %d: %v", i, err)
			}
			killed++
			continue
		}
		var r raced
		if err := json.Unmarshal(outputs[i].Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all, killed
}

// Processes that make one record at once, of which some are killed: all that live are given the
// value that the record has, and neither checkpoints nor parts of files stay.
func testRaces(t *testing.T, path string, races int) {
	wrong := map[string]int{}
	killed := 0
	for i := range races {
		dir := filepath.Join(t.TempDir(), "records")
		kill := i%2 == 1
		all, ended := runRace(t, dir, path, 2+i%7, kill)
		killed += ended
		r, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		var last runValue
		if _, err := RememberResumable(r, "run", 1, func(string) (runValue, error) {
			return runValue{Note: "nobody was left"}, nil
		}); err != nil {
			wrong["after the race: "+err.Error()]++
			continue
		}
		if found, err := r.Load(key(t, 1), &last); !found || err != nil {
			wrong[fmt.Sprintf("record found %v, error %v", found, err)]++
		}
		for _, one := range all {
			switch {
			case strings.Contains(one.Error, "the run itself") && !strings.Contains(one.Error, dir):
			case one.Error != "":
				wrong[strings.ReplaceAll(one.Error, dir, "…")]++
			case path != "Save" && one.Value.Note != last.Note:
				wrong["another value than the record"]++
			}
		}
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			if kill && strings.HasSuffix(e.Name(), ".tmp") ||
				kill && strings.HasPrefix(e.Name(), ".probe-") {
				continue // of a process that was killed
			}
			if e.Name() != filepath.Base(r.Path(key(t, 1))) {
				wrong["left behind: "+e.Name()]++
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
	t.Logf("%s: %d processes were killed in %d races", path, killed, races)
	for what, n := range wrong {
		t.Errorf("%d times in %d races: %s", n, races, what)
	}
}

func TestRaces(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	for _, path := range racePaths {
		testRaces(t, path, 12)
	}
}
