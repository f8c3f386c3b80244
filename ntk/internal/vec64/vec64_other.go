//go:build !amd64

package vec64

func arcCosine(args *stepArgs, a *ArcCosine) { panic("vec64: no vectors") }
