package study_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/kernelsmith/kernelsmith/ntk/study"
)

// Two records are asked for. The first time both are made, after that they are loaded.
func ExampleMake() {
	folder, err := os.MkdirTemp("", "study")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if err := os.Chdir(folder); err != nil {
		log.Fatal(err)
	}
	s, err := study.Open("04")
	if err != nil {
		log.Fatal(err)
	}
	width := study.AtScale(s, 4096, 512)
	square := func(n int) study.Task[int] {
		return study.Task[int]{
			Label: fmt.Sprintf("square-%d", n),
			Key:   struct{ N int }{n},
			Run: func(context.Context, string, func(study.Report)) (int, error) {
				return n * n, nil
			},
		}
	}
	missing, err := study.Missing(s, square(3), square(width))
	if err != nil {
		log.Fatal(err)
	}
	squares, err := study.Make(s, "squaring", "squares", square(3), square(width))
	fmt.Println(s, s.Scale(), len(missing), squares, err)
	// Output: 04 at quick scale quick 2 [9 262144] <nil>
}
