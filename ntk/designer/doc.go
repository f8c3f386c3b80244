// Package designer is a cell of a notebook in which a kernel is designed by hand:
//
//	designer.Run(designer.Settings{Coeffs: []float64{0.7, 0.3, 0.25, 0.2, 0.3, 0.25}})
//
// Sliders are the coefficients a_k of K(c) = Σ a_k c^k on inputs of norm √d. While they move, the
// cell says whether a net of one hidden layer can have K ([inverse.Certify]), draws the activation
// that has it or the nearest kernel of the degree ([inverse.Of]), and the spread of nets of finite
// width ([inverse.FiniteWidthVariance]). A button fits a formula that trains well ([design.Fit]),
// another writes either as source. What is said to be away from K is what is drawn and written.
//
// The cell runs as [live.Run] says: until its Stop button or an interrupt; without a page that
// answers, as where a notebook is executed to be published, it leaves the view of the start.
package designer
