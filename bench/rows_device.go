package main

import "fmt"

// The sides of the rows of a device, beside Kernelsmith on the processor. Each is measured with the
// device to itself: what one has taken of its memory, another cannot have.
const (
	onDevice    = "Kernelsmith on the device"
	jaxOnDevice = "JAX on the device"
)

var devicePeers = []string{onDevice, jaxOnDevice}

// deviceRows are what package device computes, for docs/gpu.md: steps of training, alone and in
// batches of trials, and kernel regression.
func deviceRows(s sizes) []*row {
	var rows []*row
	for _, c := range []struct{ depth, width, trials, steps int }{
		{1, 4096, 1, 1000}, {1, 4096, 10, 300}, {1, 16384, 1, 300}, {4, 4096, 1, 50},
		{4, 16384, 1, 10},
	} {
		net := paperNet("relu")
		net.Depth = c.depth
		trials := s.trials(c.trials)
		r := trialsRow("sphere", 800, 6, trials, s.n(c.width), s.steps(c.steps), net)
		r.ID = fmt.Sprintf("device-%dhl-%d-%d", c.depth, c.width, c.trials)
		r.Title = fmt.Sprintf("%dHL ReLU of width %s, 800 points, %d outputs: %s", c.depth,
			thousands(r.Args.Width), r.Args.Outputs, trialsOf(trials))
		if c.depth > 1 {
			r.Repetitions = 1 // the processor takes minutes
		}
		rows = append(rows, r)
	}
	for _, c := range []struct {
		id, title string
		net       *net
	}{
		{"4hl", "4HL ReLU", paperNet("relu")},
		{"sine", "1HL ½ sin 6z", &net{Phi: "sine", Depth: 1, WeightStd: 1}},
	} {
		trials := s.trials(30)
		r := trialsRow("parity", 1024, 1, trials, 128, s.steps(300), c.net)
		r.ID = "device-parity-" + c.id
		r.Title = fmt.Sprintf("Parity of 11 bits, %s of width 128, 1,024 points: %s", c.title,
			trialsOf(trials))
		rows = append(rows, r)
	}
	for _, full := range []int{10_000, 40_000} {
		const d, outputs, m = 20, 10, 1000
		n := s.n(full)
		rows = append(rows, &row{
			ID: fmt.Sprintf("device-solve-%d", full), Group: "Kernel regression",
			Title: fmt.Sprintf("NTK of 4HL ReLU between %s rows, its system solved, and %d "+
				"predictions, double precision", thousands(n), m),
			Op: "solve", Args: arguments{N: n, M: m, D: d, Outputs: outputs, Type: "float64",
				Net: paperNet("relu"), Ridge: 1e-3},
			X:     input{kind: "sphere", n: n, d: d, seed: 4},
			Z:     input{kind: "sphere", n: m, d: d, seed: 5},
			Y:     input{kind: "classes", n: n, d: outputs, seed: 6},
			Peers: devicePeers, Alone: true, Unit: "s", Repetitions: 1,
			Tolerance: 1e-6, Why: "rounding times the condition of the matrix",
		})
	}
	return rows
}

// trials and steps are those of a row, or few of them for a try.
func (s sizes) trials(full int) int {
	if s.small {
		return min(full, 3)
	}
	return full
}

func (s sizes) steps(full int) int {
	if s.small {
		return max(full/10, 11)
	}
	return full
}

func trialsOf(n int) string {
	if n == 1 {
		return "a step"
	}
	return fmt.Sprintf("a step of %d trials", n)
}

// trialsRow is steps of gradient descent on points of 11 features, in some trials.
func trialsRow(kind string, points, outputs, trials, width, steps int, net *net) *row {
	const d = 11
	targets := input{kind: "classes", n: points, d: outputs, seed: 9}
	if outputs == 1 {
		targets = input{kind: "parities", n: points, d: d, seed: 8}
	}
	return &row{
		Group: "Training", Op: "trials",
		Args: arguments{N: points, D: d, Outputs: outputs, Type: "float32", Net: net, Width: width,
			Steps: steps, Rate: 0.05, Trials: trials},
		X: input{kind: kind, n: points, d: d, seed: 8}, Y: targets,
		Peers: devicePeers, Alone: true, Unit: "ms", Per: func(int) float64 { return 1 },
		Tolerance: 1e-3, Why: "rounding of so many steps in single precision",
	}
}
