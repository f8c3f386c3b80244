//go:build verify

package records

import "testing"

// As many races as it takes to see what goes wrong in one of a hundred.
func TestVerifyRaces(t *testing.T) { testRaces(t, 800) }
