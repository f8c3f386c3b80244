package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
)

// fingerprint is a hash of the net's parameters.
func fingerprint(n Net) string {
	h := sha256.New()
	chunk := make([]byte, 0, 1<<18)
	for _, p := range n.Parameters() {
		for part := range slices.Chunk(p.Values, cap(chunk)/4) {
			chunk = chunk[:0]
			for _, v := range part {
				chunk = binary.LittleEndian.AppendUint32(chunk, math.Float32bits(v))
			}
			h.Write(chunk)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// arrays is all that changes in a run, or that it cannot make again.
func (t *Trial) arrays() (a [][]float32) {
	for _, p := range t.Net.Parameters() {
		a = append(a, p.Values)
	}
	a = append(a, t.Slots...)
	return append(a, t.Start, t.startTest)
}

// resume takes up the run's checkpoint, if there is one. A run that had ended is not
// begun again.
func (t *Trial) resume() error {
	if t.checkpoints == nil {
		return nil
	}
	st, found, notes, err := t.checkpoints.load(t.arrays())
	if err != nil {
		return err
	}
	if t.found = found; found {
		t.state = st
	}
	t.state.Notes = append(t.state.Notes, notes...)
	t.resumed, t.before = t.state.Epoch, t.state.Seconds
	if t.state.Done {
		t.end(nil)
	}
	return nil
}

// save writes a checkpoint of the state before the next step. One that cannot be
// written is noted, and is no reason to lose the run.
func (t *Trial) save(end, quick bool) (note string) {
	if t.checkpoints == nil {
		return ""
	}
	start := t.checkpoints.faults.time()
	st := t.state
	if !end && st.Step == 0 {
		// The run will come by this epoch's snapshot again.
		st.Points = slices.Clone(st.Points)
		for len(st.Points) > 0 && st.Points[len(st.Points)-1].Epoch >= st.Epoch {
			st.Points = st.Points[:len(st.Points)-1]
		}
	}
	h, arrays := checkpointHeader{Identity: t.checkpoints.identity, State: st}, t.arrays()
	if end && t.discard {
		arrays = nil
	}
	err := t.steps.Sync(t.place)
	if err == nil {
		err = t.checkpoints.save(h, arrays, quick)
	}
	if err != nil {
		note = fmt.Sprintf("the checkpoint at epoch %d could not be written: %v", st.Epoch, err)
		// One note of this kind tells enough.
		t.state.Notes = slices.DeleteFunc(t.state.Notes,
			func(n string) bool { return strings.Contains(n, "could not be written") })
		t.state.Notes = append(t.state.Notes, note)
	}
	t.checkpoints.saved(start)
	return note
}
