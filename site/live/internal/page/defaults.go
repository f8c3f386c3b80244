package page

import "maps"

// defaults are what the controls say as the page comes.
var defaults = map[string]map[string]string{
	"kernel": {
		"source": "coefficients", "a0": "0.2", "a1": "0.5", "a2": "0.3", "a3": "0.8", "a4": "0",
		"a5": "0.6", "formula": "0.3 + 0.7*c^3*exp(c-1)", "p": "1", "length": "1", "depth": "4",
		"degree": "5", "width": "10", "signs": "paper", "form": "seven", "format": "pytorch",
	},
	"flatten": {
		"depth": "4", "phi": "ReLU", "sw": "1.41", "sb": "0.1", "width": "10", "form": "seven",
		"format": "pytorch",
	},
	"parity": {
		"bits": "9", "omega": "6", "width": "7", "layers": "2", "epochs": "1000", "seed": "1",
	},
}

// Defaults returns the values of the controls of a part as the page comes.
func Defaults(part string) map[string]string { return maps.Clone(defaults[part]) }
