package main

// reasons are why a row is lost, by its ID: the physical one, as a profile shows it. A row that is
// lost without an entry here is shown as not explained.
var reasons = map[string]string{
	"gram-erf-norms-5000-single": "Off one sphere erf is evaluated pair by pair in double " +
		"precision, some 65 ns of a processor for a pair and layer, where the peer's arcsine " +
		"takes 16 numbers of single precision at once. That is no limit of the hardware: " +
		"ReLU goes by rows of pairs",
	"train-4hl-1024": "A step of Kernelsmith's is hardly more than its matrix products, of " +
		"800×1,024 and 1,024×1,024: 1.04 times what OpenBLAS takes for these by themselves " +
		"(BenchmarkStep of ntk/train). The peer's MKL is quicker at products, as the table of " +
		"sides has it",
}

// best returns the quickest peer of a row, or nil where none has a time.
func (m *measured) best() *timing {
	var best *timing
	for _, t := range m.Sides {
		if t.Side != kernelsmith && t.Lacks == "" && t.Error == "" &&
			(best == nil || t.Median < best.Median) {
			best = t
		}
	}
	return best
}

// ratio is the best peer's result over Kernelsmith's.
func (m *measured) ratio() float64 { return m.best().Median / m.side(kernelsmith).Median }

// lost says whether a peer is better in the row.
func (m *measured) lost() bool {
	return m.best() != nil && m.ratio() < 1
}

// bound is the time, in the row's unit, that the products and the traffic of a row take by
// themselves at the rates of Kernelsmith's library and of the memory; 0 where neither is stated.
func (r *results) bound(m *measured) float64 {
	seconds := 0.
	for _, l := range r.Limits {
		switch {
		case l.Side != kernelsmith || l.PerSecond <= 0:
		case l.Type == "memory":
			seconds = max(seconds, m.Traffic/l.PerSecond)
		case l.Type == m.Type:
			seconds = max(seconds, m.Products/l.PerSecond)
		}
	}
	if m.Unit != "s" {
		seconds *= 1e3
	}
	return seconds
}
