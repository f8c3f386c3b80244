package vec64

//go:noescape
func arcCosine(args *stepArgs, a *ArcCosine)
