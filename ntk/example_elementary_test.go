package ntk_test

import (
	"fmt"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// text writes expressions as text: those that a rectifier needs.
type text struct{ ntk.Functions }

func (text) Constant(v float64) ntk.Expression { return fmt.Sprint(v) }

func (text) Maximum(a, b ntk.Expression) ntk.Expression { return fmt.Sprintf("max(%v, %v)", a, b) }

func (text) IfPositive(a, yes, no ntk.Expression) ntk.Expression {
	return fmt.Sprintf("%v if %v > 0 else %v", yes, a, no)
}

func ExampleWriteElementary() {
	value, derivative, ok := ntk.WriteElementary(ntk.ReLU{}, text{}, "z")
	fmt.Println(value, "|", derivative, "|", ok)
	_, _, ok = ntk.WriteElementary(ntk.Step{}, text{}, "z")
	fmt.Println(ok)
	// Output:
	// max(z, 0) | 1 if z > 0 else 0 | true
	// false
}
