//go:build verify

package records

import "testing"

// As many races as it takes to see what goes wrong in one of a hundred.
func TestVerifyRaces(t *testing.T) {
	for _, path := range racePaths {
		t.Run(path, func(t *testing.T) { testRaces(t, path, 800) })
	}
}
