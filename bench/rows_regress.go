package main

import "fmt"

// regressionRows are kernel regression from inputs to predictions.
func regressionRows(s sizes) []*row {
	var rows []*row
	n, m := s.n(10000), s.n(2000)
	solve := func(t string) *row {
		const outputs, ridge = 10, 1e-3
		r := &row{
			ID: "solve-10000-" + precision(t), Group: "Kernel regression",
			Title: fmt.Sprintf("Gram matrix, solution and %s predictions, NTK of 4HL ReLU, "+
				"n = %s, %s precision", thousands(m), thousands(n), precision(t)),
			Op: "solve", Args: arguments{N: n, M: m, D: pixels, Outputs: outputs, Type: t,
				Net: paperNet("relu"), Ridge: ridge, Cold: true},
			X:     input{kind: "images", n: n, d: pixels, seed: 4},
			Z:     input{kind: "images", n: m, d: pixels, seed: 5},
			Y:     input{kind: "classes", n: n, d: outputs, seed: 6},
			Peers: []string{neuralTangents, scientific}, Unit: "s",
			Tolerance: 1e-6, Why: "rounding times the condition of the matrix",
			Products: float64(n)*float64(n)*(pixels+float64(n)/3) + 2*float64(m)*float64(n)*pixels,
			Traffic:  2 * bits(t) * float64(n) * float64(n),
		}
		if t == "float32" {
			r.Tolerance = 5e-3
		}
		return r
	}
	single := solve("float32")
	single.Args.Method = "single"
	single.Note = "Kernelsmith comes to a residual of 1e-6 in double precision"
	return append(rows, single, solve("float64"), gaussianRow(s), largeRow(s))
}

// predictionRows are what follows from kernel matrices beside plain regression.
func predictionRows(s sizes) []*row {
	const outputs = 10
	n, m := s.n(2000), s.n(500)
	rows := []*row{{
		ID: "predict-2000", Group: "Infinite width",
		Title: fmt.Sprintf("Mean and covariance of the ensemble at four times of its training, "+
			"NTK of 4HL ReLU, n = %s, %s test points, double precision", thousands(n),
			thousands(m)),
		Op: "predict", Args: arguments{N: n, M: m, D: pixels, Outputs: outputs, Type: "float64",
			Net: paperNet("relu"), Ridge: 1e-3, Times: []float64{1e3, 1e4, 1e5, 1e6}},
		X:     input{kind: "images", n: n, d: pixels, seed: 4},
		Z:     input{kind: "images", n: m, d: pixels, seed: 5},
		Y:     input{kind: "classes", n: n, d: outputs, seed: 6},
		Peers: []string{neuralTangents}, Unit: "s",
		Tolerance: 1e-6, Why: "rounding times the condition of the matrix",
	}}
	for _, c := range []struct{ n, top int }{{5000, 100}, {3000, 0}} {
		n := s.n(c.n)
		r := &row{
			ID: fmt.Sprintf("eigenvalues-%d", c.n), Group: "Spectra",
			Title: fmt.Sprintf("All eigenvalues of the NTK of 4HL ReLU between n = %s rows, "+
				"double precision", thousands(n)),
			Op: "eigenvalues", Args: arguments{N: n, D: pixels, Type: "float64",
				Net: paperNet("relu")},
			X:     input{kind: "images", n: n, d: pixels, seed: 4},
			Peers: []string{scientific}, Unit: "s",
			Tolerance: 1e-9, Why: "the tolerance of Kernelsmith's iteration",
		}
		if c.top > 0 {
			r.Args.Degree = min(c.top, n/4)
			r.Title = fmt.Sprintf("The %d largest eigenvalues of the NTK of 4HL ReLU between "+
				"n = %s rows, double precision", r.Args.Degree, thousands(n))
		}
		rows = append(rows, r)
	}
	n, modes := s.n(10000), s.n(5000)
	const d = 768
	return append(rows, &row{
		ID: "learn-10000", Group: "Spectra",
		Title: fmt.Sprintf("Learning curve of the Gaussian kernel from the covariance of %s rows "+
			"of %d features and their labels, %s modes, double precision", thousands(n), d,
			thousands(modes)),
		Op: "learn", Args: arguments{N: n, D: d, Outputs: outputs, Type: "float64", Ridge: 1e-3,
			Length: 1.5, Degree: modes, Cold: true,
			Times: []float64{10, 30, 100, 300, float64(modes) / 5}},
		X:     input{kind: "images", n: n, d: d, seed: 11},
		Y:     input{kind: "classes", n: n, d: outputs, seed: 12},
		Peers: []string{scientific}, Unit: "s", Repetitions: 2,
		Tolerance: 1e-6, Why: "rounding times the condition of the modes' values",
		Products: 2*float64(n)*float64(modes)*float64(modes) + 2*float64(n)*d*d,
		Note:     "a program of the published procedure in NumPy, with Kernelsmith's two changes",
	})
}

// gaussianRow is scikit-learn's kernel ridge regression.
func gaussianRow(s sizes) *row {
	const outputs = 10
	n, m := s.n(5000), s.n(1000)
	return &row{
		ID: "gaussian-5000", Group: "Kernel regression",
		Title: fmt.Sprintf("Ridge regression with the Gaussian kernel and %s predictions, n = %s, "+
			"double precision", thousands(m), thousands(n)),
		Op: "gaussian", Args: arguments{N: n, M: m, D: pixels, Outputs: outputs, Type: "float64",
			Ridge: 1e-3, Length: 1},
		X:     input{kind: "images", n: n, d: pixels, seed: 4},
		Z:     input{kind: "images", n: m, d: pixels, seed: 5},
		Y:     input{kind: "classes", n: n, d: outputs, seed: 6},
		Peers: []string{scientific}, Unit: "s",
		Tolerance: 1e-6, Why: "rounding times the condition of the matrix",
		Products: float64(n)*float64(n)*(pixels+float64(n)/3) + 2*float64(m)*float64(n)*pixels,
		Traffic:  8 * float64(n) * float64(n),
		Note:     "KernelRidge of scikit-learn",
	}
}

// largeRow is regression of more points than a matrix in double precision has room for. A peer
// needs the matrix in single precision twice, as what is factored and while it is computed.
func largeRow(s sizes) *row {
	const outputs = 10
	n, m := s.n(60000), s.n(1000)
	bytes := 4 * float64(n) * float64(n)
	r := &row{
		ID: "solve-60000", Group: "Kernel regression",
		Title: fmt.Sprintf("Gram matrix, solution and %s predictions, NTK of 4HL ReLU, n = %s, "+
			"residual 1e-6", thousands(m), thousands(n)),
		Op: "solve", Args: arguments{N: n, M: m, D: 784, Outputs: outputs, Type: "float32",
			Net: paperNet("relu"), Ridge: 1e-3, Cold: true},
		X:     input{kind: "images", n: n, d: 784, seed: 13},
		Z:     input{kind: "images", n: m, d: 784, seed: 14},
		Y:     input{kind: "classes", n: n, d: outputs, seed: 15},
		Peers: []string{neuralTangents, scientific}, Unit: "s", Repetitions: 1,
		Tolerance: 5e-3, Why: "rounding in single precision times the condition of the matrix",
		Products: float64(n) * float64(n) * (784 + float64(n)/3),
		Traffic:  bytes,
	}
	if 2*bytes > 0.9*s.memory {
		reason := fmt.Sprintf("does not fit: the matrix takes %.1f GB in single precision, and is "+
			"there twice while it is made; the machine has %.0f GB", bytes/1e9, s.memory/1e9)
		r.Lacks = map[string]string{neuralTangents: reason, scientific: reason}
	}
	return r
}
