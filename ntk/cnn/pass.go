package cnn

import (
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// pass follows pairs of images through the layers. It has the buffers of one goroutine:
// covariances of the pairs in a class and, of each stage but the first, of all that go into it.
type pass[T float32 | float64] struct {
	a       *Architecture
	plan    *plan
	duals   []dual[T]       // of each layer, nil for a pool
	tables  []*coefficients // of each convolution, to find variances by; nil entries are none
	tangent bool            // whether the NTK is followed, too

	room   [4][]T // for covariances, tangents and the next of both
	sums   []T
	zeros  []T      // of a row
	into   [][2][]T // covariances and tangents that go into each stage
	scales []T      // of what goes into each stage
	total  [2][lanes]float64
	x      one[T] // the image that is run with others
}

func newPass[T float32 | float64](a *Architecture, p *plan) *pass[T] {
	w := &pass[T]{a: a, plan: p}
	w.x.pixels, w.x.variances = newImage[T](a, 1)
	for _, s := range a.steps {
		var d dual[T]
		if s.phi != nil {
			d = dualOf[T](s.phi)
		}
		w.duals = append(w.duals, d)
	}
	largest, widest := 0, 0
	for i := range p.axes[0].stages {
		rows, columns := &p.axes[0].stages[i], &p.axes[1].stages[i]
		scale := T(1 / float64(a.grid.Channels))
		var room [2][]T
		if i > 0 {
			scale = T(a.steps[rows.first-1].w2)
			for k := range room {
				room[k] = make([]T, rows.inputs*columns.inputs*lanes)
			}
		}
		w.scales = append(w.scales, scale)
		w.into = append(w.into, room)
		most := [2]int{rows.most(), columns.most()}
		largest, widest = max(largest, most[0]*most[1]), max(widest, most[1])
	}
	for i := range w.room {
		w.room[i] = make([]T, (largest+vec32.BoxRoom)*lanes)
	}
	w.sums = make([]T, (widest+1)*lanes)
	w.zeros = make([]T, (widest+vec32.BoxRoom)*lanes)
	return w
}

// bytes is what a pass needs for what goes into the stages.
func (p *plan) bytes(number int) (sum float64) {
	for i, rows := range p.axes[0].stages[1:] {
		sum += float64(2*lanes*number) * float64(rows.inputs) *
			float64(p.axes[1].stages[i+1].inputs)
	}
	return sum
}

// most is the most pairs of a class at any level.
func (s *axisStage) most() (n int) {
	for _, c := range s.classes {
		for _, pairs := range c.pairs {
			n = max(n, len(pairs))
		}
	}
	return n
}

// run follows x and each of y through the layers, as far as the plan goes. A plan for variances
// is for y being x eight times, and sets its variances.
func (w *pass[T]) run(x one[T], y eight[T]) {
	w.total = [2][lanes]float64{}
	conv := 0
	for i := range w.into {
		if i+1 < len(w.into) {
			for k := range w.into[i+1] {
				clear(w.into[i+1][k])
			}
		}
		rows, columns := &w.plan.axes[0].stages[i], &w.plan.axes[1].stages[i]
		c := chain[T]{pass: w, stage: i, first: rows.first, conv: conv, x: x, y: y}
		if w.plan.variances {
			c.rows, c.columns = &rows.classes[rows.zero], &columns.classes[columns.zero]
			c.record = true
			c.follow()
			c.record = false
			if i+1 == len(w.into) {
				return
			}
		}
		for r := range rows.classes {
			for k := range columns.classes {
				c.rows, c.columns = &rows.classes[r], &columns.classes[k]
				c.follow()
				c.end()
			}
		}
		conv += len(rows.classes[0].tables)
	}
}

// chain is a class of pairs of positions in a stage.
type chain[T float32 | float64] struct {
	*pass[T]
	stage, first, conv int // the numbers of the stage, its first layer and first convolution
	rows, columns      *axisClass
	x                  one[T]
	y                  eight[T]
	record             bool // whether variances are set rather than used
	s, t               []T
}

// size is how many numbers there are at a level.
func (c *chain[T]) size(level int) int {
	return len(c.rows.pairs[level]) * len(c.columns.pairs[level]) * lanes
}

// follow takes the class through the convolutions of its stage.
func (c *chain[T]) follow() {
	c.s, c.t = c.room[0][:c.size(0)], c.room[1][:c.size(0)]
	zero := c.stage == 0 // whether t is
	if zero {
		c.images()
	} else {
		c.pooled()
	}
	for l := range c.rows.tables {
		step := &c.a.steps[c.first+l]
		still := zero && !(c.tangent && step.trained)
		convolved, activated := c.box(l, zero, still)
		if !convolved {
			c.s = c.convolved(l, c.s, T(step.w2), T(step.b2), nil)
			switch {
			case !c.tangent || still:
			case zero:
				c.t = c.t[:len(c.s)]
				copy(c.t, c.s)
			case step.trained:
				c.t = c.convolved(l, c.t, T(step.w2), 0, c.s)
			default:
				c.t = c.convolved(l, c.t, T(step.w2), 0, nil)
			}
		}
		zero = still
		if c.record {
			c.keep(l + 1)
		}
		if !activated {
			t := c.t
			if zero || !c.tangent {
				t = nil
			}
			c.activate(l+1, t)
		}
	}
	if c.tangent && zero {
		c.t = c.t[:len(c.s)]
		clear(c.t)
	}
}

// images sets the covariances of pixels.
func (c *chain[T]) images() {
	width, channels := c.a.grid.Width, c.a.grid.Channels
	n := len(c.columns.pairs[0])
	for r, p := range c.rows.pairs[0] {
		row := c.s[r*n*lanes:]
		for _, run := range c.columns.runs[0] {
			x := c.x.pixels[(p.a*width+run.at.a)*channels:]
			y := c.y.pixels[(p.b*width+run.at.b)*channels*lanes:]
			products(row[run.lo*lanes:run.hi*lanes], x, y, channels, c.scales[0])
		}
	}
}

// pooled sets what the stage before has left.
func (c *chain[T]) pooled() {
	n, all := len(c.columns.from), c.plan.axes[1].stages[c.stage].inputs
	for k, to := range [...][]T{c.s, c.t} {
		if k == 1 && !c.tangent {
			break
		}
		from := c.into[c.stage][k]
		for r, i := range c.rows.from {
			gather(to[r*n*lanes:][:n*lanes], from[int(i)*all*lanes:], c.columns.from,
				c.scales[c.stage])
		}
	}
}

// convolved returns x after convolution l: scale times the sums over the filter, plus add, or
// shift if that is nil. The memory of x is free then.
func (c *chain[T]) convolved(l int, x []T, scale, shift T, add []T) []T {
	rows, columns := len(c.rows.pairs[l]), len(c.columns.pairs[l])
	n, m := len(c.rows.pairs[l+1]), len(c.columns.pairs[l+1])
	axes := &c.a.steps[c.first+l].axes
	out := c.room[2][:n*m*lanes]
	sums := c.sums[:(columns+1)*lanes]
	clear(sums[columns*lanes:])
	for r := range n {
		table := c.rows.tables[l][r*axes[0].size:][:axes[0].size]
		addRows(sums[:columns*lanes], x, table, rows)
		more := add
		if more != nil {
			more = more[r*m*lanes:]
		}
		addColumns(out[r*m*lanes:][:m*lanes], sums, c.columns.tables[l], axes[1].size, scale, shift,
			more)
	}
	for i := range c.room[:2] {
		if len(x) > 0 && &c.room[i][0] == &x[0] {
			c.room[i], c.room[2] = c.room[2], c.room[i]
			break
		}
	}
	return out
}

// box is convolution l of both covariances and tangents, with the duals after it unless variances
// are to be kept, at one go: in single precision, where the processor has the vectors, for windows
// of three by three that lie side by side. It reports which of these it has done. The tangents are
// zero before, or still are after.
func (c *chain[T]) box(l int, zero, still bool) (convolved, activated bool) {
	step, kind := &c.a.steps[c.first+l], c.columns.boxes[l]
	s := single(c.s)
	if s == nil || !vec32.Wide() || kind == notBoxed || step.axes[0].size != 3 {
		return false, false
	}
	b := vec32.Box{FromRows: len(c.rows.pairs[l]), FromColumns: len(c.columns.pairs[l]),
		Columns: len(c.columns.pairs[l+1]), Before: kind == fromFirst, Scale: float32(step.w2),
		Shift: float32(step.b2), Stride: step.axes[1].out, Zeros: single(c.zeros)}
	if step.trained {
		b.Own = 1
	}
	if coeffs, _ := c.series(l + 1); coeffs == nil && !c.record {
		b.Duals, _ = any(c.duals[c.first+l]).(*vec32.ArcCosine)
	}
	x, y := single(c.x.variances[c.conv+l]), single(c.y.variances[c.conv+l])
	s2, t, t2 := single(c.room[2]), single(c.t), single(c.room[3])
	if zero {
		t = nil
	}
	if still || !c.tangent {
		t2 = nil
	}
	column := c.columns.runs[l+1][0].at
	for _, run := range c.rows.runs[l+1] {
		b.Rows, b.Table = run.hi-run.lo, c.rows.tables[l][3*run.lo:]
		at := run.lo * b.Columns * lanes
		i, j := c.positions(l+1, run.at.a, column.a), c.positions(l+1, run.at.b, column.b)
		tangents := t2
		if t2 != nil {
			tangents = t2[at:]
		}
		b.Apply(s2[at:], tangents, s, t, x[i:], y[j*lanes:])
	}
	c.room[0], c.room[2] = c.room[2], c.room[0]
	c.room[1], c.room[3] = c.room[3], c.room[1]
	c.s, c.t = c.room[0][:c.size(l+1)], c.room[1][:c.size(l+1)]
	return true, b.Duals != nil
}

// series returns the coefficients of a level's pre-activations, nil if they are followed without.
func (c *chain[T]) series(level int) (x, y []T) {
	if c.x.coeffs == nil {
		return nil, nil
	}
	return c.x.coeffs[c.conv+level-1], c.y.coeffs[c.conv+level-1]
}

// positions is where the pre-activations of two places begin among those of a level.
func (c *chain[T]) positions(level, row, column int) int {
	return row*c.a.steps[c.first+level-1].axes[1].out + column
}

// keep sets the variances of a level's pre-activations, which are those of x with itself.
func (c *chain[T]) keep(level int) {
	x, y := c.x.variances[c.conv+level-1], c.y.variances[c.conv+level-1]
	m := len(c.columns.pairs[level])
	for r, row := range c.rows.pairs[level] {
		for k, column := range c.columns.pairs[level] {
			if row.a == row.b && column.a == column.b {
				p := c.positions(level, row.a, column.a)
				v := at(c.s, r*m+k)
				x[p] = v[0]
				*at(y, p) = *v
			}
		}
	}
	conv := c.conv + level - 1
	c.x.coeffs[conv], c.y.coeffs[conv] = nil, nil
	if table := c.tables[conv]; table != nil {
		if n := needed(table, x, 1); n > 0 {
			of := fill(table, x, n, 1)
			of8 := make([]T, lanes*len(of))
			for i, v := range of {
				to := at(of8, i)
				for l := range to {
					to[l] = v
				}
			}
			c.x.coeffs[conv], c.y.coeffs[conv] = of, of8
		}
	}
}

// activate applies the activation before which the level's pre-activations are.
func (c *chain[T]) activate(level int, t []T) {
	d, x, y := c.duals[c.first+level-1], c.x.variances[c.conv+level-1],
		c.y.variances[c.conv+level-1]
	coeffs, coeffs8 := c.series(level)
	m := len(c.columns.pairs[level])
	for r, p := range c.rows.pairs[level] {
		for _, run := range c.columns.runs[level] {
			lo, hi := (r*m+run.lo)*lanes, (r*m+run.hi)*lanes
			part := t
			if t != nil {
				part = t[lo:hi]
			}
			n := run.hi - run.lo
			i, j := c.positions(level, p.a, run.at.a), c.positions(level, p.b, run.at.b)
			ofX, ofY := x[i:][:n], y[j*lanes:][:n*lanes]
			if coeffs == nil {
				d.Apply(c.s[lo:hi], part, ofX, ofY)
				continue
			}
			terms := len(coeffs) / len(x)
			bySeries(c.s[lo:hi], part, ofX, ofY, coeffs[i*terms:], coeffs8[j*terms*lanes:], terms)
		}
	}
}

// end adds what the class has come to into the next stage or, after the last, into the total.
func (c *chain[T]) end() {
	last := c.stage+1 == len(c.into)
	level := len(c.rows.pairs) - 1
	m := len(c.columns.pairs[level]) * lanes
	for k, from := range [...][]T{c.s, c.t} {
		if k == 1 && !c.tangent {
			break
		}
		if last {
			sumPlaces(&c.total[k], from, m/lanes)
			continue
		}
		ends := c.columns.ends
		if c.columns.once {
			ends = nil
		}
		into, all := c.into[c.stage+1][k], c.plan.axes[1].stages[c.stage+1].inputs
		targets := func(r int) []int32 {
			begin := int32(0)
			if r > 0 {
				begin = c.rows.ends[r-1]
			}
			return c.rows.to[begin:c.rows.ends[r]]
		}
		for r := 0; r < len(c.rows.ends); r++ {
			a, b := from[r*m:][:m], []T(nil)
			to := targets(r)
			if r+1 < len(c.rows.ends) && slices.Equal(to, targets(r+1)) {
				r++
				b = from[r*m:][:m]
			}
			for _, i := range to {
				scatter(into[int(i)*all*lanes:], a, b, c.columns.to, ends)
			}
		}
	}
}
