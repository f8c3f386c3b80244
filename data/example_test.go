package data_test

import (
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/kernelsmith/kernelsmith/data"
)

func Example() {
	ds := data.Iris()
	p, err := data.Prepare(ds, *ds.Split, data.MeanNorm{})
	if err != nil {
		log.Fatal(err)
	}
	n, d := p.XTrain.Dims()
	m, _ := p.XTest.Dims()
	fmt.Printf("%s: %d training rows, %d test rows, %d features, %d classes\n", p.Name, n, m, d,
		p.Classes)
	// Output: iris: 75 training rows, 75 test rows, 4 features, 3 classes
}

func ExampleNew() {
	x := mat.NewDense(3, 2, []float64{
		0, 1,
		1, 0,
		1, 1,
	})
	ds, err := data.New("mine", x, []int{0, 0, 1}, 2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ds.ClassCounts())

	_, err = data.New("mine", x, []int{0, 0, 2}, 2)
	fmt.Println(err)
	// Output:
	// [2 1]
	// data: mine: label 2 of row 2 (counted from 0) is outside [0, 2); labels count from 0
}

func ExampleReadCSV() {
	table := `sample,length,width,species
1,5.1,3.5,setosa
2,7.0,3.2,versicolor
3,6.3,3.3,virginica
`
	ds, err := data.ReadCSV(strings.NewReader(table),
		data.CSVSettings{Name: "flowers", Drop: []string{"sample"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ds.FeatureNames, ds.ClassNames, ds.Labels)

	_, err = data.ReadCSV(strings.NewReader("length,species\n5.1,setosa\nlong,virginica\n"),
		data.CSVSettings{Name: "flowers"})
	fmt.Println(err)
	// Output:
	// [length width] [setosa versicolor virginica] [0 1 2]
	// data: flowers:3:1: length: "long" is not a number; write decimal numbers with a point; if this is the class use CSVSettings.Label or LabelColumn, if it is to be left out Drop
}

func ExampleReadCSVFile() {
	ds, err := data.ReadCSVFile("testdata/flowers.csv",
		data.CSVSettings{Label: "species", Drop: []string{"id"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ds.Name, ds.ClassNames)
	fmt.Println(mat.Formatted(ds.X))
	// Output:
	// flowers [setosa versicolor]
	// ⎡5.1  3.5⎤
	// ⎢  7  3.2⎥
	// ⎢4.9    3⎥
	// ⎣6.4  3.2⎦
}

func ExampleParseJMLR() {
	ds, err := data.ParseJMLR("testdata/jmlr/tiny")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ds.ClassCounts(), *ds.Split)
	// Output: [2 2 1] {[4 0 2] [1 3]}
}

func ExampleLoadJMLR() {
	os.Setenv("KERNELSMITH_DATA", "testdata")
	defer os.Unsetenv("KERNELSMITH_DATA")
	ds, err := data.LoadJMLR("tiny", nil)
	if err != nil {
		log.Fatal(err)
	}
	n, d := ds.Dims()
	fmt.Printf("%s: %d rows, %d features\n", ds.Name, n, d)
	// Output: tiny: 5 rows, 2 features
}

// A page that is to be drawn anyway falls back on embedded data and says so.
func ExampleNotFoundError() {
	os.Setenv("KERNELSMITH_DATA", "testdata")
	defer os.Unsetenv("KERNELSMITH_DATA")
	os.Setenv("KERNELSMITH_CACHE", "testdata/no such folder")
	defer os.Unsetenv("KERNELSMITH_CACHE")
	ds, err := data.LoadJMLR("wine-quality-red", nil)
	var notFound *data.NotFoundError
	switch {
	case errors.As(err, &notFound):
		ds = data.Wine()
		fmt.Printf("%s is not on this machine: showing %s instead\n", notFound.Set, ds.Name)
	case err != nil:
		log.Fatal(err)
	}
	// Output: wine-quality-red is not on this machine: showing wine instead
}

func ExampleFindJMLR() {
	os.Setenv("KERNELSMITH_DATA", "testdata")
	defer os.Unsetenv("KERNELSMITH_DATA")
	dir, err := data.FindJMLR("pair")
	fmt.Println(filepath.ToSlash(dir), err)
	// Output: testdata/jmlr/pair <nil>
}

func ExampleFoundJMLR() {
	os.Setenv("KERNELSMITH_DATA", "testdata")
	os.Setenv("KERNELSMITH_CACHE", "no such folder")
	defer os.Unsetenv("KERNELSMITH_DATA")
	defer os.Unsetenv("KERNELSMITH_CACHE")
	fmt.Println(data.FoundJMLR())
	// Output: [pair tiny] <nil>
}

func ExampleJMLRSets() {
	sets := data.JMLRSets()
	fmt.Println(len(sets), sets[0], slices.Contains(sets, "wine-quality-red"))
	// Output: 86 abalone true
}

func ExampleJMLRChecksums() {
	fmt.Println(data.JMLRChecksums("wine-quality-red")["conxuntos.dat"])
	// Output: 26ffbc1e68807db0c6172bbb685486b194a8a17a60a356cc557458a498406730
}

func ExampleCacheDir() {
	os.Setenv("KERNELSMITH_CACHE", "/big disk/kernelsmith")
	defer os.Unsetenv("KERNELSMITH_CACHE")
	fmt.Println(data.CacheDir())
	// Output: /big disk/kernelsmith <nil>
}

func ExampleEmbedded() {
	for _, name := range data.EmbeddedNames() {
		ds, err := data.Embedded(name)
		if err != nil {
			log.Fatal(err)
		}
		n, d := ds.Dims()
		fmt.Printf("%s: %d×%d, %v\n", name, n, d, ds.ClassNames)
	}
	// Output:
	// breast-cancer: 569×30, [malignant benign]
	// iris: 150×4, [setosa versicolor virginica]
	// wine: 178×13, [cultivar 1 cultivar 2 cultivar 3]
}

func ExampleEmbeddedNames() {
	fmt.Println(data.EmbeddedNames())
	// Output: [breast-cancer iris wine]
}

func ExampleIris() {
	ds := data.Iris()
	fmt.Println(ds.FeatureNames)
	fmt.Println(ds.X.RawRowView(0), ds.ClassNames[ds.Labels[0]])
	// Output:
	// [sepal length (cm) sepal width (cm) petal length (cm) petal width (cm)]
	// [5.1 3.5 1.4 0.2] setosa
}

func ExampleWine() {
	ds := data.Wine()
	fmt.Println(ds.ClassCounts(), ds.Provenance.Licence)
	// Output:
	// [59 71 48] CC BY 4.0 (data, UCI Machine Learning Repository); BSD-3-Clause (file, scikit-learn)
}

func ExampleBreastCancer() {
	ds := data.BreastCancer()
	fmt.Println(ds.ClassNames, ds.ClassCounts())
	// Output: [malignant benign] [212 357]
}

func ExampleDataset_Dims() {
	fmt.Println(data.Wine().Dims())
	// Output: 178 13
}

func ExampleDataset_ClassCounts() {
	fmt.Println(data.Iris().ClassCounts())
	// Output: [50 50 50]
}

func ExampleDataset_Subset() {
	two, err := data.Iris().Subset([]int{0, 149})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(two.Labels, two.Classes)
	// Output: [0 2] 3
}

func ExampleDataset_Validate() {
	ds := data.Iris()
	ds.X.Set(4, 1, math.NaN())
	fmt.Println(ds.Validate())
	// Output:
	// data: iris: X[4,1] (row 4, column 1, counted from 0) is NaN; remove or impute it: features must be finite
}

func ExampleDataset_Fingerprint() {
	a, b := data.Iris(), data.Iris()
	b.X.Set(0, 0, 5.2)
	fmt.Println(a.Fingerprint() == data.Iris().Fingerprint(), a.Fingerprint() == b.Fingerprint())
	// Output: true false
}

func ExampleDataset_HalfSplit() {
	ds := data.BreastCancer()
	s, err := ds.HalfSplit(7)
	if err != nil {
		log.Fatal(err)
	}
	train, err := ds.Subset(s.Train)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(s.Train), len(s.Test), train.ClassCounts())
	// Output: 285 284 [106 179]
}

func ExampleDataset_StratifiedSplit() {
	s, err := data.Iris().StratifiedSplit(0.8, 1)
	fmt.Println(len(s.Train), len(s.Test), err)
	// Output: 120 30 <nil>
}

func ExampleSplit_Validate() {
	fmt.Println(data.Split{Train: []int{0, 1}, Test: []int{1, 2}}.Validate(3))
	// Output: data: row 1 is in the training part and in the test part
}

func ExamplePrepare() {
	ds, err := data.New("square", mat.NewDense(4, 2, []float64{0, 0, 2, 2, 0, 2, 3, 3}),
		[]int{0, 1, 0, 1}, 2)
	if err != nil {
		log.Fatal(err)
	}
	p, err := data.Prepare(ds, data.Split{Train: []int{0, 1}, Test: []int{2, 3}}, data.Sphere{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(mat.Formatted(p.XTest))
	fmt.Println(mat.Formatted(p.YTest))
	// Output:
	// ⎡-1   1⎤
	// ⎣ 1   1⎦
	// ⎡1  0⎤
	// ⎣0  1⎦
}

func ExamplePrepared_Fingerprint() {
	ds := data.Iris()
	a, err := data.Prepare(ds, *ds.Split, data.MeanNorm{})
	if err != nil {
		log.Fatal(err)
	}
	b, err := data.Prepare(ds, *ds.Split, data.Sphere{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(a.Fingerprint()), a.Fingerprint() == b.Fingerprint())
	// Output: 64 false
}

func ExampleOneHot() {
	y, err := data.OneHot([]int{1, 0, 2}, 3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(mat.Formatted(y))
	// Output:
	// ⎡0  1  0⎤
	// ⎢1  0  0⎥
	// ⎣0  0  1⎦
}

func ExampleMeanNorm() {
	x, _, err := data.MeanNorm{}.Normalize(mat.NewDense(2, 1, []float64{0, 2}),
		mat.NewDense(1, 1, []float64{3}))
	fmt.Println(x.RawMatrix().Data, err)
	// Output: [-1 1] <nil>
}

func ExampleSphere() {
	_, x, err := data.Sphere{}.Normalize(mat.NewDense(2, 1, []float64{0, 2}),
		mat.NewDense(2, 1, []float64{30, .5}))
	fmt.Println(x.RawMatrix().Data, err)
	// Output: [1 -1] <nil>
}

func ExampleStandardize() {
	x, _, err := data.Standardize{}.Normalize(mat.NewDense(2, 2, []float64{0, 10, 2, 30}),
		mat.NewDense(1, 2, []float64{1, 1}))
	fmt.Println(x.RawMatrix().Data, err)
	// Output: [-1 -1 1 1] <nil>
}

func ExampleUnnormalized() {
	bits := mat.NewDense(1, 3, []float64{-1, 1, 1})
	x, _, err := data.Unnormalized{}.Normalize(bits, bits)
	fmt.Println(x.RawMatrix().Data, err)
	// Output: [-1 1 1] <nil>
}

func ExampleRecordKey() {
	type settings struct {
		Width int
		Rate  float64
	}
	a, err := data.RecordKey("training", settings{Width: 4096, Rate: 0.1})
	if err != nil {
		log.Fatal(err)
	}
	b, err := data.RecordKey("training", settings{Width: 4096, Rate: 0.2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a)
	fmt.Println(a.String() == b.String())
	// Output:
	// training-11f10149a7c93bef
	// false
}

func ExampleOpenRecords() {
	dir, err := os.MkdirTemp("", "records")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	store, err := data.OpenRecords(dir)
	if err != nil {
		log.Fatal(err)
	}
	key, err := data.RecordKey("training", map[string]any{"width": 4096, "seed": 1})
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

func ExampleRecords_Save() {
	dir, err := os.MkdirTemp("", "records")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := data.OpenRecords(dir)
	if err != nil {
		log.Fatal(err)
	}
	key, err := data.RecordKey("run", map[string]any{"seed": 1})
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

func ExampleRecords_Load() {
	dir, err := os.MkdirTemp("", "records")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := data.OpenRecords(dir)
	if err != nil {
		log.Fatal(err)
	}
	key, err := data.RecordKey("run", map[string]any{"seed": 1})
	if err != nil {
		log.Fatal(err)
	}
	var loss []float64
	fmt.Println(store.Load(key, &loss))
	// Output: false <nil>
}

func ExampleRecords_Path() {
	store, err := data.OpenRecords("testdata")
	if err != nil {
		log.Fatal(err)
	}
	key, err := data.RecordKey("run", map[string]any{"seed": 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Ext(store.Path(key)))
	// Output: .json
}

// The second call loads what the first one ran.
// A run that is interrupted goes on from what it left in its folder.
func ExampleRememberResumable() {
	dir, _ := os.MkdirTemp("", "records")
	defer os.RemoveAll(dir)
	records, err := data.OpenRecords(dir)
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
		v, err := data.RememberResumable(records, "long", "its settings", run)
		fmt.Println(v, err)
	}
	// Output:
	//  interrupted
	// done, from halfway on <nil>
}

func ExampleRemember() {
	dir, _ := os.MkdirTemp("", "records")
	defer os.RemoveAll(dir)
	records, err := data.OpenRecords(dir)
	if err != nil {
		panic(err)
	}
	for range 2 {
		v, err := data.Remember(records, "sum", struct{ A, B int }{1, 2}, func() (int, error) {
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
