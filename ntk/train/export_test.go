package train

// Tests that need nets are in package train_test, because fcn imports train; here is what
// they see of its inside.

var (
	Fingerprint = fingerprint
	SideBySide  = sideBySide
	OrOne       = orOne
	NewTrial    = newTrial
)

type (
	Faults     = faults
	FaultyFile = checkpointFile
)

func (s *Settings) Faults() *Faults { return &s.faults }

func (t *Trial) StepsPerEpoch() int { return t.stepsPerEpoch }

// CheckpointFile is where a run keeps its checkpoint.
func CheckpointFile(r Run) (string, error) {
	c, err := openCheckpoints(r.Settings, r.Identity(), "initialisation")
	if err != nil {
		return "", err
	}
	return c.file, nil
}

// CheckpointEpoch is the epoch at which a checkpoint was written.
func CheckpointEpoch(file string) (int, error) {
	h, err := peek(file)
	return h.State.Epoch, err
}

// Stepping is a trial with what takes its steps.
type Stepping struct {
	*Trial
	*host
}

func NewSteps(n Net, p Problem, s Settings, serial ...bool) (*Stepping, error) {
	t, err := newTrial(n, p, s)
	if err != nil {
		return nil, err
	}
	t.makeArrays()
	return &Stepping{t, newHost(t, len(serial) > 0 && serial[0])}, nil
}

// Rows are the inputs of a batch.
func (s *Stepping) Rows(points []int) []float32 {
	s.gather(points)
	return s.batch.Inputs(len(points))
}
