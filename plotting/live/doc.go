// Package live makes a notebook cell that redraws a figure while its sliders
// move. The cell says which controls there are and how to draw for their
// values; [Run] does the rest:
//
//	live.Run(ctx, []live.Control{
//		live.Slider{Name: "a", Label: "a", Min: 0, Max: 2, Step: 0.01, Value: 1},
//		live.Button{Name: "keep", Label: "Keep"},
//	}, func(values map[string]float64, pressed string) (live.View, error) {
//		fig := plotting.New(plotting.Options{X: "x", Y: "a x²"})
//		fig.Func("", func(x float64) float64 { return values["a"] * x * x }, 0, 1)
//		return live.View{Picture: fig, Caption: "A parabola."}, nil
//	}, nil)
//
// It is for the last cell of a notebook: the cell runs until its Stop button is
// pressed, nobody touched it for a while, its page was closed, or the kernel
// interrupts it. The picture stands above the controls, so that both are seen. It then leaves the
// last picture, with controls that are disabled. Where there is nobody to move a slider, in a
// notebook that is executed for a page, the picture for the initial values is shown and the cell
// ends at once.
//
// # What is drawn when
//
// Only the newest values are drawn: while a picture is made, moves are
// collected, never queued. Presses of buttons are all served, in their order.
// A message that is lost on the way is made up for by the next.
//
// # Errors
//
// While the cell is live an error of the draw function, or a panic in it, is shown
// above the last picture, and the next move may mend it. An error in the controls, and
// without a live page one in drawing, ends the cell of a notebook as with
// [plotting.Show]; outside a notebook it is returned.
//
// A cell that does not import this package does not link it.
package live
