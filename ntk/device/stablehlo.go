package device

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// tensor is a value of a program: its name, the type of its numbers and its dimensions.
type tensor struct {
	name, of   string
	dimensions []int
}

// String returns the type: tensor<2x3xf32>.
func (t tensor) String() string { return typeOf(t.of, t.dimensions) }

func typeOf(of string, dimensions []int) string {
	var s strings.Builder
	s.WriteString("tensor<")
	for _, d := range dimensions {
		s.WriteString(strconv.Itoa(d) + "x")
	}
	return s.String() + of + ">"
}

// Types of numbers.
const (
	single  = "f32"
	double  = "f64"
	integer = "i32"
	boolean = "i1"
)

// program is StableHLO as it is written, one operation a line.
type program struct {
	text      strings.Builder
	names     int
	arguments []tensor
}

func (p *program) named(of string, dimensions []int) tensor {
	p.names++
	return tensor{fmt.Sprintf("%%v%d", p.names), of, dimensions}
}

// argument adds an argument of the program.
func (p *program) argument(of string, dimensions ...int) tensor {
	t := p.named(of, dimensions)
	p.arguments = append(p.arguments, t)
	return t
}

// module returns the program with its results.
func (p *program) module(results []tensor) string {
	var in, out, names []string
	for _, t := range p.arguments {
		in = append(in, t.name+": "+t.String())
	}
	for _, t := range results {
		out, names = append(out, t.String()), append(names, t.name)
	}
	return fmt.Sprintf("module @kernelsmith {\nfunc.func @main(%s) -> (%s) {\n"+
		"%sreturn %s : %s\n}\n}\n",
		strings.Join(in, ", "), strings.Join(out, ", "), p.text.String(),
		strings.Join(names, ", "), strings.Join(out, ", "))
}

// write writes an operation with one result. Rest is what stands behind its arguments.
func (p *program) write(of string, dimensions []int, operation, rest string, a ...tensor) tensor {
	out := p.named(of, dimensions)
	var names, types []string
	for _, t := range a {
		names, types = append(names, t.name), append(types, t.String())
	}
	fmt.Fprintf(&p.text, "%s = stablehlo.%s %s%s : (%s) -> %s\n", out.name, operation,
		strings.Join(names, ", "), rest, strings.Join(types, ", "), out)
	return out
}

// same writes an operation on tensors of one type, entry by entry.
func (p *program) same(operation string, a ...tensor) tensor {
	out := p.named(a[0].of, a[0].dimensions)
	var names []string
	for _, t := range a {
		if t.String() != a[0].String() {
			panic(fmt.Sprintf("device: %s of %v and %v", operation, a[0], t))
		}
		names = append(names, t.name)
	}
	fmt.Fprintf(&p.text, "%s = stablehlo.%s %s : %s\n", out.name, operation,
		strings.Join(names, ", "), out)
	return out
}

// number writes a constant as MLIR reads it.
func number(of string, v float64) string {
	if of == integer {
		return strconv.Itoa(int(v))
	}
	if of == boolean {
		return strconv.FormatBool(v != 0)
	}
	return strconv.FormatFloat(v, 'e', 17, 64)
}

// constant is the same number everywhere.
func (p *program) constant(v float64, of string, dimensions ...int) tensor {
	out := p.named(of, dimensions)
	fmt.Fprintf(&p.text, "%s = stablehlo.constant dense<%s> : %s\n", out.name, number(of, v), out)
	return out
}

// convert turns the numbers into others of a type.
func (p *program) convert(a tensor, of string) tensor {
	if a.of == of {
		return a
	}
	return p.write(of, a.dimensions, "convert", "", a)
}

// spread repeats a tensor: its dimension i becomes dimension at[i] of the result.
func (p *program) spread(a tensor, dimensions []int, at ...int) tensor {
	return p.write(a.of, dimensions, "broadcast_in_dim", ", dims = "+list(at), a)
}

// reshape arranges the same numbers otherwise.
func (p *program) reshape(a tensor, dimensions ...int) tensor {
	if slices.Equal(a.dimensions, dimensions) {
		return a
	}
	return p.write(a.of, dimensions, "reshape", "", a)
}

// numbersAlong is 0, 1, … along a dimension.
func (p *program) numbersAlong(dimension int, of string, dimensions []int) tensor {
	out := p.named(of, dimensions)
	fmt.Fprintf(&p.text, "%s = stablehlo.iota dim = %d : %s\n", out.name, dimension, out)
	return out
}

// compare is true where a and b compare so: LT, GT, EQ.
func (p *program) compare(how string, a, b tensor) tensor {
	out := p.named(boolean, a.dimensions)
	fmt.Fprintf(&p.text, "%s = stablehlo.compare %s, %s, %s : (%s, %s) -> %s\n", out.name, how,
		a.name, b.name, a, b, out)
	return out
}

// choose is yes where condition holds, else no.
func (p *program) choose(condition, yes, no tensor) tensor {
	return p.write(yes.of, yes.dimensions, "select", "", condition, yes, no)
}

// sum adds up over a dimension.
func (p *program) sum(a tensor, over int) tensor { return p.reduce("add", 0, a, over) }

// reduce folds a dimension, beginning with a number.
func (p *program) reduce(operation string, start float64, a tensor, over int) tensor {
	zero := p.constant(start, a.of)
	left := slices.Delete(slices.Clone(a.dimensions), over, over+1)
	out := p.named(a.of, left)
	fmt.Fprintf(&p.text, "%s = stablehlo.reduce(%s init: %s) applies stablehlo.%s across "+
		"dimensions = [%d] : (%s, %s) -> %s\n", out.name, a.name, zero.name, operation, over, a,
		zero, out)
	return out
}

// product multiplies the matrices of a and b, of which there is one for each trial, along the
// dimensions that are given, 1 or 2, without rounding their entries first.
func (p *program) product(a tensor, alongA int, b tensor, alongB int) tensor {
	out := []int{a.dimensions[0], a.dimensions[3-alongA], b.dimensions[3-alongB]}
	return p.write(a.of, out, "dot_general", fmt.Sprintf(", batching_dims = [0] x [0], "+
		"contracting_dims = [%d] x [%d], precision = [HIGHEST, HIGHEST]", alongA, alongB), a, b)
}

// rows are the rows of a matrix with the numbers that index has.
func (p *program) rows(a, index tensor) tensor {
	n, d := index.dimensions[0], a.dimensions[1]
	index = p.reshape(index, n, 1)
	out := p.named(a.of, []int{n, d})
	fmt.Fprintf(&p.text, `%s = "stablehlo.gather"(%s, %s) <{dimension_numbers = `+
		`#stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], `+
		`index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = array<i64: 1, %d>}> : `+
		"(%s, %s) -> %s\n", out.name, a.name, index.name, d, a, index, out)
	return out
}

// part is n entries of a dimension of a, from one on that is a number of the program, or the last
// n if fewer are left.
func (p *program) part(a tensor, dimension int, from tensor, n int) tensor {
	sizes := slices.Clone(a.dimensions)
	sizes[dimension] = n
	return p.write(a.of, sizes, "dynamic_slice", ", sizes = "+list(sizes),
		append([]tensor{a}, p.starts(a, dimension, from)...)...)
}

// setPart is a with v for a part.
func (p *program) setPart(a, v tensor, dimension int, from tensor) tensor {
	return p.write(a.of, a.dimensions, "dynamic_update_slice", "",
		append([]tensor{a, v}, p.starts(a, dimension, from)...)...)
}

// starts are where a part begins.
func (p *program) starts(a tensor, dimension int, from tensor) []tensor {
	starts := make([]tensor, len(a.dimensions))
	for i := range starts {
		if starts[i] = from; i != dimension {
			starts[i] = p.constant(0, integer)
		}
	}
	return starts
}

// entry is a[i, …], i a number of the program.
func (p *program) entry(a, i tensor) tensor {
	return p.reshape(p.part(a, 0, i, 1), a.dimensions[1:]...)
}

// setEntry is a with v for a[i, …].
func (p *program) setEntry(a, v, i tensor) tensor {
	return p.setPart(a, p.reshape(v, append([]int{1}, v.dimensions...)...), 0, i)
}

// loop repeats step, which turns the state before into the state after, from its index 0 to
// times, and returns the last state.
func (p *program) loop(times tensor, state []tensor, step func(i tensor, state []tensor) []tensor,
) []tensor {
	start := p.constant(0, integer)
	all := append([]tensor{start}, state...)
	var inside []tensor
	var pairs, types []string
	for _, t := range all {
		in := p.named(t.of, t.dimensions)
		inside = append(inside, in)
		pairs, types = append(pairs, in.name+" = "+t.name), append(types, t.String())
	}
	out := p.named("", nil)
	fmt.Fprintf(&p.text, "%s:%d = stablehlo.while(%s) : %s\ncond {\n", out.name, len(all),
		strings.Join(pairs, ", "), strings.Join(types, ", "))
	more := p.compare("LT", inside[0], times)
	fmt.Fprintf(&p.text, "stablehlo.return %s : %s\n} do {\n", more.name, more)
	after := step(inside[0], inside[1:])
	next := []string{p.same("add", inside[0], p.constant(1, integer)).name}
	for i, t := range after {
		if t.String() != types[i+1] {
			panic(fmt.Sprintf("device: a loop turns %s into %v", types[i+1], t))
		}
		next = append(next, t.name)
	}
	fmt.Fprintf(&p.text, "stablehlo.return %s : %s\n}\n", strings.Join(next, ", "),
		strings.Join(types, ", "))
	results := make([]tensor, len(state))
	for i, t := range state {
		results[i] = tensor{fmt.Sprintf("%s#%d", out.name, i+1), t.of, t.dimensions}
	}
	return results
}

func list(of []int) string {
	return strings.ReplaceAll(fmt.Sprint(of), " ", ", ")
}
