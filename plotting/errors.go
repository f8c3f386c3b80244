package plotting

import "fmt"

// A DataError says which value of which series cannot be drawn.
type DataError struct {
	Series  string // name of the series, or its kind and number if it has none
	Index   int    // index into the slices that were given, -1 if it is not about one value
	Value   float64
	Problem string // what is wrong and what is expected
}

// Error implements error.
func (e *DataError) Error() string {
	if e.Index < 0 {
		return fmt.Sprintf("plotting: %s: %s", e.Series, e.Problem)
	}
	return fmt.Sprintf("plotting: %s: value %v at index %d: %s", e.Series, e.Value, e.Index,
		e.Problem)
}
