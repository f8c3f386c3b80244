package cnn

import (
	"cmp"
	"slices"
)

// A kernel of two images is made of covariances of pairs of positions, one of each image, layer
// after layer. A pair of positions is a pair of rows and a pair of columns of the images, and
// what a layer does is a product of what it does along the two axes. So an axis is planned by
// itself: which of its pairs are needed, and of which pairs of the layer before each is a sum.
//
// A convolution moves both positions alike. Without pooling, pairs of one displacement therefore
// have to do with each other alone, whatever the paddings and strides: the pairs fall into
// classes, and a class of rows with one of columns is an image of its own, which is followed
// through the layers before the next is begun. Pooling mixes the classes, and ends a stage.

// pair is a place along an axis in either image.
type pair struct{ a, b int }

func (p pair) displacement() int { return p.b - p.a }

// axisPlan is what is to be done along an axis.
type axisPlan struct {
	stages []axisStage
}

// axisStage is some convolutions and the pool that ends them, if one does.
type axisStage struct {
	first   int // layer
	classes []axisClass
	zero    int // the class of equal places
	inputs  int // how many pairs there are at the beginning
}

// axisClass is pairs that have to do with each other. Its levels are what goes into the stage,
// and what comes out of each of its convolutions.
type axisClass struct {
	pairs [][]pair
	runs  [][]run
	// tables has, for each convolution, of the i-th pair and place w of the filter, at
	// i·size + w, the pair of the level before: its number, or their count for none.
	tables [][]int32
	// boxes says of each convolution how its windows lie.
	boxes []boxed
	// from is the number of each pair of the first level among all that go into the stage.
	from []int32
	// to has the numbers of the pairs of the next stage that the last level goes into: those of
	// the i-th are to[ends[i-1]:ends[i]]. With once that is one for each.
	to, ends []int32
	once     bool
	zero     bool // whether it has the pairs of equal places
}

// boxed is how the windows of a convolution lie: scattered, or three pairs each at a step of one,
// of which the i-th begins at pair i or i - 1 of the level before. Then the pairs are one run.
type boxed int

const (
	fromFirst boxed = iota
	fromBefore
	notBoxed
)

// boxOf tells them by a table of windows over n pairs.
func boxOf(table []int32, size, n int) boxed {
	if size != 3 {
		return notBoxed
	}
	for kind := range notBoxed {
		fits := true
		for i, j := range table {
			want := i/size + i%size - int(kind)
			if want < 0 || want >= n {
				want = n
			}
			fits = fits && int(j) == want
		}
		if fits {
			return kind
		}
	}
	return notBoxed
}

// run is consecutive pairs [lo, hi) of a class, whose places are consecutive, too, from at on.
type run struct {
	lo, hi int
	at     pair
}

// pairSet is pairs of places along an axis of n places, by displacement and then in the order of
// their places: what is worked on together then lies together.
type pairSet struct {
	n    int
	has  []bool // of a·n + b
	list []pair
}

func (s *pairSet) at(p pair) int { return p.a*s.n + p.b }

// number lists the pairs, and returns the number of each in the list.
func (s *pairSet) number() []int32 {
	numbers := make([]int32, len(s.has))
	s.list = nil
	for d := 1 - s.n; d < s.n; d++ {
		for a := max(0, -d); a < min(s.n, s.n-d); a++ {
			if p := (pair{a, a + d}); s.has[s.at(p)] {
				numbers[s.at(p)] = int32(len(s.list))
				s.list = append(s.list, p)
			}
		}
	}
	return numbers
}

// planAxis plans layers along an axis for the pairs that are wanted after each number of layers.
func planAxis(ops []axisOp, want func(level int) []pair) axisPlan {
	needed := make([]pairSet, len(ops)+1)
	for l := range needed {
		n := ops[max(l, 1)-1].out
		if l == 0 {
			n = ops[0].in
		}
		needed[l] = pairSet{n: n, has: make([]bool, n*n)}
		for _, p := range want(l) {
			needed[l].has[needed[l].at(p)] = true
		}
	}
	for l := len(ops); l >= 0; l-- {
		needed[l].number()
		if l == 0 {
			break
		}
		before := &needed[l-1]
		for _, p := range needed[l].list {
			ops[l-1].sources(p, func(_ int, s pair) { before.has[before.at(s)] = true })
		}
	}
	var plan axisPlan
	for first := 0; first <= len(ops); {
		last := first
		for last < len(ops) && !ops[last].pool {
			last++
		}
		s := planStage(ops[first:last], needed[first:last+1])
		s.first = first
		if last < len(ops) {
			s.pool(ops[last], &needed[last], &needed[last+1])
		}
		plan.stages = append(plan.stages, s)
		first = last + 1
	}
	return plan
}

// sources calls f for the pairs that p is a sum of; w is the place in the filter.
func (o axisOp) sources(p pair, f func(w int, source pair)) {
	for w := range o.size {
		a := o.source(p.a, w)
		if a < 0 {
			continue
		}
		if !o.pool {
			if b := o.source(p.b, w); b >= 0 {
				f(w, pair{a, b})
			}
			continue
		}
		for w2 := range o.size {
			if b := o.source(p.b, w2); b >= 0 {
				f(w, pair{a, b})
			}
		}
	}
}

// planStage finds the classes of a stage of convolutions.
func planStage(ops []axisOp, needed []pairSet) axisStage {
	offsets := []int{0} // of the pairs of each level among all
	for _, set := range needed {
		offsets = append(offsets, offsets[len(offsets)-1]+len(set.has))
	}
	n := len(ops)
	j := newJoined(offsets[n+1])
	node := func(l int, p pair) int { return offsets[l] + needed[l].at(p) }
	displacements := map[int]int{} // to a node
	zero := -1
	for l, set := range needed {
		for _, p := range set.list {
			at := node(l, p)
			if p.a == p.b {
				if zero < 0 {
					zero = at
				}
				j.join(zero, at)
			}
			if l == n {
				if other, ok := displacements[p.displacement()]; ok {
					j.join(other, at)
				}
				displacements[p.displacement()] = at
			}
			if l > 0 {
				ops[l-1].sources(p, func(_ int, s pair) { j.join(at, node(l-1, s)) })
			}
		}
	}
	members := map[int][][]pair{} // of a root
	for l, set := range needed {
		for _, p := range set.list {
			root := j.root(node(l, p))
			if members[root] == nil {
				members[root] = make([][]pair, n+1)
			}
			members[root][l] = append(members[root][l], p)
		}
	}
	s := axisStage{inputs: len(needed[0].list)}
	inputs := needed[0].number()
	numbers := make([][]int32, n+1) // of pairs within their classes
	for l, set := range needed {
		numbers[l] = make([]int32, len(set.has))
	}
	for root, levels := range members {
		c := newAxisClass(ops, levels, needed, numbers)
		for _, p := range levels[0] {
			c.from = append(c.from, inputs[needed[0].at(p)])
		}
		c.zero = zero >= 0 && root == j.root(zero)
		s.classes = append(s.classes, c)
	}
	// By displacement: sums over classes then are in one order wherever a window is.
	slices.SortFunc(s.classes, func(c, d axisClass) int {
		p, q := c.first(), d.first()
		return cmp.Or(cmp.Compare(p.displacement(), q.displacement()), cmp.Compare(p.a, q.a))
	})
	s.zero = slices.IndexFunc(s.classes, func(c axisClass) bool { return c.zero })
	return s
}

// first is some pair of the class, the same each time.
func (c axisClass) first() pair {
	for l := len(c.pairs) - 1; l > 0; l-- {
		if len(c.pairs[l]) > 0 {
			return c.pairs[l][0]
		}
	}
	return c.pairs[0][0]
}

// newAxisClass arranges the pairs of a class; numbers, of all pairs of each level, are set for its
// own.
func newAxisClass(
	ops []axisOp, levels [][]pair, needed []pairSet, numbers [][]int32,
) axisClass {
	c := axisClass{pairs: levels}
	for l, list := range levels {
		n := needed[l].n
		around := func(p pair) int { return (p.displacement() + n) % n }
		slices.SortFunc(list, func(p, q pair) int {
			return cmp.Or(cmp.Compare(around(p), around(q)), cmp.Compare(p.a, q.a))
		})
		var runs []run
		for i, p := range list {
			numbers[l][needed[l].at(p)] = int32(i)
			if i == 0 || p.a != list[i-1].a+1 || p.b != list[i-1].b+1 {
				runs = append(runs, run{i, i, p})
			}
			runs[len(runs)-1].hi = i + 1
		}
		c.runs = append(c.runs, runs)
		if l == 0 {
			continue
		}
		size := ops[l-1].size
		table := make([]int32, len(list)*size)
		for i := range table {
			table[i] = int32(len(levels[l-1]))
		}
		for i, p := range list {
			ops[l-1].sources(p, func(w int, s pair) {
				table[i*size+w] = numbers[l-1][needed[l-1].at(s)]
			})
		}
		c.tables = append(c.tables, table)
		box := notBoxed
		if len(runs) == 1 {
			box = boxOf(table, size, len(levels[l-1]))
		}
		c.boxes = append(c.boxes, box)
	}
	return c
}

// pool says which pairs after a pool the pairs of the stage go into.
func (s *axisStage) pool(op axisOp, before, next *pairSet) {
	into := make([][]int32, len(before.has))
	for i, p := range next.list {
		op.sources(p, func(_ int, s pair) {
			into[before.at(s)] = append(into[before.at(s)], int32(i))
		})
	}
	for i := range s.classes {
		c := &s.classes[i]
		c.once = true
		for _, p := range c.pairs[len(c.pairs)-1] {
			to := into[before.at(p)]
			c.once = c.once && len(to) == 1
			c.to = append(c.to, to...)
			c.ends = append(c.ends, int32(len(c.to)))
		}
	}
}

// joined is a partition of numbers, as a forest.
type joined []int

func newJoined(n int) joined {
	j := make(joined, n)
	for i := range j {
		j[i] = i
	}
	return j
}

func (j joined) root(i int) int {
	for j[i] != i {
		j[i] = j[j[i]]
		i = j[i]
	}
	return i
}

func (j joined) join(a, b int) { j[j.root(a)] = j.root(b) }

// diagonal is the pairs of equal places along an axis, all that of all places.
func diagonal(n int) (pairs []pair) {
	for i := range n {
		pairs = append(pairs, pair{i, i})
	}
	return pairs
}

func all(n int) (pairs []pair) {
	for i := range n {
		for j := range n {
			pairs = append(pairs, pair{i, j})
		}
	}
	return pairs
}

// plan is an architecture's plan along both axes, with what it is for.
type plan struct {
	axes [2]axisPlan
	// variances says that the plan is for the variances of one image's pre-activations.
	variances bool
}

// plan returns the plan for kernels, or for variances.
func (a *Architecture) plan(variances bool) *plan {
	p := &plan{variances: variances}
	for axis := range p.axes {
		var ops []axisOp
		for _, s := range a.steps {
			ops = append(ops, s.axes[axis])
		}
		p.axes[axis] = planAxis(ops, func(level int) []pair {
			n := ops[max(level, 1)-1].out
			switch {
			case level == 0:
				return nil
			case variances:
				return diagonal(n)
			case level < len(ops):
				return nil
			case a.readout.GlobalAverage:
				return all(n)
			}
			return diagonal(n)
		})
	}
	return p
}
