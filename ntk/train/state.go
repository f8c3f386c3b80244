package train

import (
	"fmt"
	"time"
)

// progressState is the position of a run and what it has measured so far. A checkpoint holds
// it beside the arrays, under the names of the fields.
type progressState struct {
	Epoch, Step int // Step counts the steps of the epoch that are done
	Steps       int // all steps that are done
	Points      []Point
	Seconds     float64
	Best        float64 // least training loss, for the plateau
	BestEpoch   int
	BestKnown   bool
	Stopped     string
	Done        bool // the run has ended
	Notes       []string
	Arithmetic  string
}

// stopsAt reports whether the training loss before the epoch may end the run.
func (s Settings) stopsAt(epoch int) bool {
	return (s.StopBelow > 0 || s.Plateau > 0) && epoch%max(s.StopEvery, 1) == 0
}

// stop returns the reason to end the run before the step of this epoch, or "". A second call
// with the same loss returns the same.
func (st *progressState) stop(s Settings, loss float64) string {
	if !s.stopsAt(st.Epoch) {
		return ""
	}
	if loss < s.StopBelow {
		return fmt.Sprintf("the training loss is below %v", s.StopBelow)
	}
	if !st.BestKnown || loss < st.Best*(1-1e-3) {
		st.Best, st.BestEpoch, st.BestKnown = loss, st.Epoch, true
	}
	if s.Plateau > 0 && st.Epoch-st.BestEpoch >= s.Plateau {
		return fmt.Sprintf("the training loss has not fallen by a thousandth for %d epochs",
			st.Epoch-st.BestEpoch)
	}
	return ""
}

// stopwatch adds up time. While the clock is set back no time passes.
type stopwatch struct {
	now  func() time.Time
	last time.Time
	sum  time.Duration
}

func (w *stopwatch) start() {
	if w.now == nil {
		w.now = time.Now
	}
	w.last = w.now()
}

func (w *stopwatch) elapsed() time.Duration {
	now := w.now()
	w.sum += max(0, now.Sub(w.last))
	w.last = now
	return w.sum
}
