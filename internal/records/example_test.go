package records_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/kernelsmith/kernelsmith/internal/records"
)

func ExampleKeyOf() {
	type settings struct {
		Width int
		Rate  float64
	}
	a, err := records.KeyOf("training", settings{Width: 4096, Rate: 0.1})
	if err != nil {
		log.Fatal(err)
	}
	b, err := records.KeyOf("training", settings{Width: 4096, Rate: 0.2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a)
	fmt.Println(a.String() == b.String())
	// Output:
	// training-11f10149a7c93bef
	// false
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "records")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	store, err := records.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	key, err := records.KeyOf("training", map[string]any{"width": 4096, "seed": 1})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		var loss []float64
		found, err := store.Load(key, &loss)
		if err != nil {
			log.Fatal(err)
		}
		if !found {
			fmt.Println("training")
			loss = []float64{1, 0.5}
			if err := store.Save(key, loss); err != nil {
				log.Fatal(err)
			}
		}
		fmt.Println(loss)
	}
	// Output:
	// training
	// [1 0.5]
	// [1 0.5]
}

func ExampleFolder_Save() {
	dir, err := os.MkdirTemp("", "records")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := records.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	key, err := records.KeyOf("run", map[string]any{"seed": 1})
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Save(key, []float64{0.25}); err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(store.Path(key))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output:
	// {
	//   "name": "run",
	//   "settings": {
	//     "seed": 1
	//   },
	//   "value": [
	//     0.25
	//   ],
	//   "sha256": "e32218d049b0d81e374445c1032455a127991242f9bfb066c0d58290e3f77fae"
	// }
}

func ExampleFolder_Load() {
	dir, err := os.MkdirTemp("", "records")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := records.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	key, err := records.KeyOf("run", map[string]any{"seed": 1})
	if err != nil {
		log.Fatal(err)
	}
	var loss []float64
	fmt.Println(store.Load(key, &loss))
	// Output: false <nil>
}

func ExampleFolder_Path() {
	store, err := records.Open(os.TempDir())
	if err != nil {
		log.Fatal(err)
	}
	key, err := records.KeyOf("run", map[string]any{"seed": 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Ext(store.Path(key)))
	// Output: .json
}

// A run that is interrupted goes on from what it left in its folder.
func ExampleRememberResumable() {
	dir, _ := os.MkdirTemp("", "records")
	defer os.RemoveAll(dir)
	store, err := records.Open(dir)
	if err != nil {
		panic(err)
	}
	run := func(folder string) (string, error) {
		halfway := filepath.Join(folder, "halfway")
		if _, err := os.Stat(halfway); err == nil {
			return "done, from halfway on", nil
		}
		return "", errors.Join(os.WriteFile(halfway, nil, 0o644), errors.New("interrupted"))
	}
	for range 2 {
		v, err := records.RememberResumable(store, "long", "its settings", run)
		fmt.Println(v, err)
	}
	// Output:
	//  interrupted
	// done, from halfway on <nil>
}

// The second call loads what the first one ran.
func ExampleRemember() {
	dir, _ := os.MkdirTemp("", "records")
	defer os.RemoveAll(dir)
	store, err := records.Open(dir)
	if err != nil {
		panic(err)
	}
	for range 2 {
		v, err := records.Remember(store, "sum", struct{ A, B int }{1, 2}, func() (int, error) {
			fmt.Println("running")
			return 3, nil
		})
		fmt.Println(v, err)
	}
	// Output:
	// running
	// 3 <nil>
	// 3 <nil>
}
