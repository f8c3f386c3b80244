package main

import "fmt"

// pixels is the number of features of the inputs: those of an image of CIFAR-10.
const pixels = 3072

// gramRows are NNGP and NTK between all pairs of n rows of 3,072 features, by one call.
func gramRows(s sizes) []*row {
	var rows []*row
	for _, c := range []struct {
		phi   string
		kind  string
		n     int
		types []string
		peers []string
	}{
		{"relu", "sphere", 1000, []string{"float64"}, []string{neuralTangents, scientific}},
		{"relu", "sphere", 10000, []string{"float32", "float64"},
			[]string{neuralTangents, scientific}},
		{"relu", "norms", 10000, []string{"float32", "float64"}, []string{neuralTangents}},
		{"erf", "sphere", 5000, []string{"float64"}, []string{neuralTangents, scientific}},
		{"erf", "norms", 5000, []string{"float32"}, []string{neuralTangents, scientific}},
		{"gelu", "sphere", 5000, []string{"float64"}, []string{neuralTangents}},
		{"gelu", "norms", 5000, []string{"float32"}, []string{neuralTangents}},
		{"own", "sphere", 128, []string{"float64"}, []string{neuralTangents}},
		{"own", "norms", 48, []string{"float64"}, []string{neuralTangents}},
	} {
		for _, t := range c.types {
			rows = append(rows, gramRow(s, c.phi, c.kind, c.n, t, c.peers))
		}
	}
	return rows
}

func gramRow(s sizes, phi, kind string, full int, t string, peers []string) *row {
	n := s.n(full)
	where := map[string]string{"sphere": "rows of one norm", "norms": "rows of any norm"}[kind]
	name := map[string]string{"relu": "ReLU", "erf": "erf", "gelu": "GELU",
		"own": "a function of one's own (tanh)"}[phi]
	r := &row{
		ID:    fmt.Sprintf("gram-%s-%s-%d-%s", phi, kind, full, precision(t)),
		Group: "Kernel matrices",
		Title: fmt.Sprintf("NNGP and NTK, 4HL %s, n = %s, %s, %s precision", name, thousands(n),
			where, precision(t)),
		Op: "gram", Args: arguments{N: n, D: pixels, Type: t, Net: paperNet(phi),
			Cold: full >= 5000},
		X:         input{kind: kind, n: n, d: pixels, seed: 1},
		Peers:     peers,
		Tolerance: 2e-3,
		Why: "rounding of inner products in single precision, of which the NTK of ReLU is a root " +
			"near its diagonal",
		// Half the products, since the matrix is symmetric, and both matrices once.
		Products: float64(n) * float64(n) * pixels,
		Traffic:  2 * bits(t) * float64(n) * float64(n),
		Unit:     "s",
	}
	if t == "float64" {
		r.Tolerance, r.Why = 1e-6, "the root of rounding, on the diagonal of neural-tangents"
	}
	if phi == "own" {
		r.Args.Degree = map[string]int{"sphere": 50, "norms": 200}[kind]
		r.Tolerance = 5e-3
		r.Why = fmt.Sprintf("the quadrature of neural-tangents, whose user chooses its degree, "+
			"here %d", r.Args.Degree)
		r.Note = "to 1e-10 by Kernelsmith, and by neural-tangents to some 1e-3"
	}
	return r
}

// thousands writes 10000 as 10,000.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// convRows are NNGP and NTK between colour images of 32×32 pixels, in single precision.
func convRows(s sizes) []*row {
	var rows []*row
	for _, c := range []struct {
		readout, title string
		own, theirs    int
	}{
		{"flatten", "4 layers of 3×3 ReLU, flattened", 128, 32},
		{"average", "4 layers of 3×3 ReLU, global average", 32, 2},
		{"myrtle", "4 layers of 3×3 ReLU, three pools, global average (Myrtle-5)", 32, 2},
	} {
		side := 32
		if s.small {
			side, c.own, c.theirs = 8, 8, 2
		}
		a := arguments{N: c.own, Type: "float32", Side: side, Readout: c.readout,
			Net: paperNet("relu"), Cold: c.readout != "flatten"}
		rows = append(rows, &row{
			ID: "conv-" + c.readout, Group: "Convolutional kernels",
			Title: fmt.Sprintf("NNGP and NTK, %d×%d×3, %s, single precision", side, side, c.title),
			Op:    "conv", Args: a,
			X:     input{kind: "uniform", n: c.own, d: 3 * side * side, seed: 2},
			Z:     input{kind: "uniform", n: c.own, d: 3 * side * side, seed: 3},
			Peers: []string{neuralTangents}, Own: map[string]int{neuralTangents: c.theirs},
			Per: func(n int) float64 { return float64(n * n) }, Unit: "ms a pair",
			Tolerance: 1e-4, Why: "rounding in single precision, over four layers",
			Note: fmt.Sprintf("Kernelsmith with %d×%d pairs at once, neural-tangents with %d×%d, "+
				"of which it takes a time that is proportional", c.own, c.own, c.theirs, c.theirs),
		})
	}
	return rows
}
