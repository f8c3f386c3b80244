// Package plotting draws the figures of a kernel notebook: curves with
// bands over trials, grids of aligned panels, and schematics of networks and
// their kernels. Values go in as slices and functions, a picture comes out, as
// PNG, SVG or PDF, in a file ([Save]), in memory ([PNG], [SVG], [Files]) or in the
// notebook ([Show]), and its data as CSV.
//
// A figure is a few readable lines:
//
//	fig := plotting.New(plotting.Options{X: "cosine c", Y: "K(c)"})
//	fig.Line("4HL ReLU", cs, ks)
//	fig.Callout(1, 5.07, 0.4, 4.5, "infinite slope at c = 1")
//	err := plotting.Show(fig, "NTK of the 4HL ReLU net: flat, then steep towards c = 1.")
//
// # Errors
//
// Methods that add to a drawing return nothing, so that a cell stays short. The
// first thing that is wrong, a NaN, two slices of different lengths, a negative
// value on a log axis, is remembered, names the series and the index, and is
// what [Show], [Save], [PNG], [SVG], [Files] and the drawing's
// own Err return; what is added after it is ignored. Data that cannot be drawn are a [*DataError].
// Slices are copied when they are added and never changed.
//
// # Units
//
// Sizes of pictures are inches; widths of
// lines and sizes of letters are points (72 to the inch). A PNG has width × DPI
// by height × DPI pixels, rounded to the nearest. Everything else is in the
// units of the data.
//
// # Names and colours
//
// The name of a series is its legend entry and chooses its colour: a net
// has the same colour in every figure, and "4HL ReLU NTK" has that of "4HL ReLU".
// A series named "" has no legend entry and is grey; [Like] gives it the colour
// of a named one. A line and a band of the same name share one entry.
//
// # Text
//
// Labels, names and notes are plain text in Liberation Sans, with three
// conveniences: Unicode superscripts and subscripts (10⁻³, a₂) are drawn whether
// or not the font has them; ^{…} and _{…} raise and lower anything, as in
// "σ_{w}" (the braces are required: a bare _ or ^ is itself); and a combining tilde,
// circumflex or macron (U+0303, U+0302, U+0304) is set over the letter before it, as in φ̃.
// A character for which the font has no shape is an error, not an empty box.
//
// A title, a label, a note or a legend entry that is too long for its place is broken at spaces,
// then shrunk, together with the others of its figure or grid, to 6 points at least. The axes keep
// half of a figure, or in small panels three quarters of what short texts would leave them. What
// does not fit then is an error, which names the text.
//
// # Numbers on axes
//
// What tick labels of six digits and more have in common is written once, on a line of the axis's
// label: "+ 10¹³" is to be added to each. Values that differ by less than 1e-14 of themselves are
// one to rounding, and drawn as one, unless they are whole numbers.
//
// # Many points
//
// Of a line with more points than a picture has columns, those are drawn that can be seen: in each
// column the first, the lowest, the highest and the last. More than 5000 dots, and lines that are
// all over the axes, are drawn in pixels, in an SVG and a PDF as a picture inside it. The CSV has
// all points.
//
// # Log axes
//
// A log x axis starts at the smallest positive x. Points of series at x = 0 exactly, such
// as epoch 0 of a training curve, have no place on it and are left out. A series of
// nothing else, a note, callout or vertical line there, a negative x, and any y ≤ 0 on a
// log y axis are errors.
package plotting
