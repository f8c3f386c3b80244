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

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
)

// racer names the folder of records in the environment of a process that races.
const racer = "KERNELSMITH_TEST_RACER"

// raced is what a process of a race prints: the value it was given, or the error.
type raced struct {
	Value runValue
	Error string
}

// TestMain is a process of a race where the environment says so, and else runs the tests.
func TestMain(m *testing.M) {
	if dir := os.Getenv(racer); dir != "" {
		if err := json.NewEncoder(os.Stdout).Encode(race(dir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// race makes the record once the other side closes the input, as all others do, with a run that
// checkpoints, goes on from what it finds and gives what no other process does.
func race(dir string) (out raced) {
	io.Copy(io.Discard, os.Stdin)
	r, err := Open(dir)
	if err != nil {
		out.Error = err.Error()
		return out
	}
	out.Value, err = RememberResumable(r, "run", 1, func(folder string) (runValue, error) {
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
		loss := make([]float64, 1+rand.IntN(2000))
		return runValue{Loss: loss, Note: fmt.Sprint(os.Getpid())}, nil
	})
	if err != nil {
		out.Error = err.Error()
	}
	return out
}

// runRace lets processes make one record at once, kills some of them at random moments, and
// returns what the others printed.
func runRace(t *testing.T, dir string, processes int, kill bool) (all []raced) {
	t.Helper()
	var outputs []*bytes.Buffer
	var commands []*exec.Cmd
	var starts []io.Closer
	for range processes {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), racer+"="+dir)
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
			continue
		}
		var r raced
		if err := json.Unmarshal(outputs[i].Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// Processes that make one record at once, of which some are killed: all that live are given the
// value that the record has, and neither checkpoints nor parts of files stay.
func testRaces(t *testing.T, races int) {
	wrong := map[string]int{}
	for i := range races {
		dir := filepath.Join(t.TempDir(), "records")
		kill := i%2 == 1
		all := runRace(t, dir, 2+i%7, kill)
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
			case one.Value.Note != last.Note || len(one.Value.Loss) != len(last.Loss):
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
	for what, n := range wrong {
		t.Errorf("%d times in %d races: %s", n, races, what)
	}
}

func TestRaces(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	testRaces(t, 16)
}
