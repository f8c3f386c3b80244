package train_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kernelsmith/kernelsmith/internal/records"
	"github.com/kernelsmith/kernelsmith/ntk"
	. "github.com/kernelsmith/kernelsmith/ntk/train"
)

// The keys of records that were made before a setting was added stay what they
// were: a record may be hours of training.
func TestKeysOfEarlierRecords(t *testing.T) {
	run := Run{
		Model:    model(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)), 2, 64, 1, 3),
		Problem:  parity(),
		Settings: Settings{LearningRate: 0.1, Epochs: 1025},
	}
	for _, c := range []struct{ want, name string }{{"4HL-ReLU-73e53f44f60e0919", "4HL-ReLU"},
		{"mimic-76c931330c91f7fc", "mimic"}, {"uncentered-8a14abd87a3c7844", "uncentered"}} {
		switch c.name {
		case "mimic":
			setArch(&run, ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0)))
		case "uncentered":
			run.Settings.Uncentered, run.Settings.Snapshots = true, []int{0, 7}
		}
		if got := ntk.Must(records.KeyOf(c.name, run.Identity())).String(); got != c.want {
			t.Errorf("key %s, was %s", got, c.want)
		}
	}
}

// Traces that were saved before a field was added are read as they were: written
// again, they are the same values under the same names.
func TestEarlierTracesLoad(t *testing.T) {
	files, err := filepath.Glob("../../notebooks/records/*/*/*trial*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no committed records of trials: %v, %v", files, err)
	}
	for _, file := range files {
		var record struct {
			Value map[string]any `json:"value"`
		}
		if err := json.Unmarshal(ntk.Must(os.ReadFile(file)), &record); err != nil {
			t.Fatal(err)
		}
		var trace Trace
		var again map[string]any
		if err := json.Unmarshal(ntk.Must(json.Marshal(record.Value)), &trace); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(ntk.Must(json.Marshal(trace)), &again); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(record.Value, again); d != "" {
			t.Errorf("%s:\n%s", file, d)
		}
	}
}

// An identity in an interface, as of records with several settings in a list, is known by the
// type's first name.
func TestIdentityInAnInterface(t *testing.T) {
	id := Identity{Config: json.RawMessage(`{"Inputs":0,"Width":0,"Outputs":0,"Seed":0}`)}
	key := ntk.Must(records.KeyOf("list", []any{id, 1})).String()
	if want := "list-df503a80e96db39b"; key != want {
		t.Errorf("key %s, was %s", key, want)
	}
}
