package data_test

import (
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/kernelsmith/kernelsmith/data"
)

// embedded returns a set that is inside the program.
func embedded(name string) *data.Dataset {
	ds, err := data.Embedded(name)
	if err != nil {
		log.Fatal(err)
	}
	return ds
}

func Example() {
	ds := embedded("iris")
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
	fmt.Println(strings.NewReplacer("; ", ";\n", ", if", ",\nif").Replace(err.Error()))
	// Output:
	// [length width] [setosa versicolor virginica] [0 1 2]
	// data: flowers:3:1: length: "long" is not a number;
	// write decimal numbers with a point;
	// if this is the class use CSVSettings.Label or LabelColumn,
	// if it is to be left out Drop
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

func ExampleReadARFF() {
	table := `% from OpenML
@RELATION flowers
@ATTRIBUTE length REAL
@ATTRIBUTE 'petal width' REAL
@ATTRIBUTE class {setosa, virginica}
@DATA
5.1, 0.2, setosa
6.3, ?, virginica
`
	ds, err := data.ReadARFF(strings.NewReader(strings.Replace(table, "?", "2.5", 1)),
		data.ARFFSettings{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ds.Name, ds.FeatureNames, ds.ClassNames, ds.Labels)

	_, err = data.ReadARFF(strings.NewReader(table), data.ARFFSettings{Name: "flowers"})
	fmt.Println(strings.ReplaceAll(err.Error(), "; ", ";\n"))
	// Output:
	// flowers [length petal width] [setosa virginica] [0 1]
	// data: flowers:8:6: petal width: the value is missing ("?");
	// leave the line out, impute a number, or drop the column with ARFFSettings.Drop
}

func ExampleReadARFFFile() {
	ds, err := data.ReadARFFFile("testdata/flowers.arff",
		data.ARFFSettings{Drop: []string{"id", "colour"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ds.Name, ds.ClassNames, ds.Labels)
	// Output: flowers [setosa versicolor virginica] [0 1 0 1]
}

// A colour is no number: each becomes a column of its own.
func ExampleARFFSettings() {
	ds, err := data.ReadARFFFile("testdata/flowers.arff",
		data.ARFFSettings{Label: "species", Drop: []string{"id"}, OneHot: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ds.FeatureNames)
	fmt.Println(mat.Formatted(ds.X))
	// Output:
	// [length petal's width colour=white colour=deep red]
	// ⎡5.1  3.5    1    0⎤
	// ⎢  7  3.2    0    1⎥
	// ⎢4.9    3    1    0⎥
	// ⎣6.4    0    0    1⎦
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
		fmt.Printf("%s is not on this machine\n", notFound.Set)
		ds = data.Wine()
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println("showing", ds.Name)
	// Output:
	// wine-quality-red is not on this machine
	// showing wine
}

func ExampleFoundJMLR() {
	os.Setenv("KERNELSMITH_DATA", "testdata")
	os.Setenv("KERNELSMITH_CACHE", "no such folder")
	defer os.Unsetenv("KERNELSMITH_DATA")
	defer os.Unsetenv("KERNELSMITH_CACHE")
	fmt.Println(data.FoundJMLR())
	// Output: [pair tiny] <nil>
}

// Images that are not on this machine are an error that says how to get them; with them, ds.Split
// is the official one.
func ExampleMNIST() {
	os.Setenv("KERNELSMITH_DATA", "testdata")
	defer os.Unsetenv("KERNELSMITH_DATA")
	os.Setenv("KERNELSMITH_CACHE", "testdata/no such folder")
	defer os.Unsetenv("KERNELSMITH_CACHE")
	for _, load := range []func() (*data.Dataset, error){data.MNIST, data.FashionMNIST} {
		ds, err := load()
		var notFound *data.NotFoundError
		switch {
		case errors.As(err, &notFound):
			fmt.Println(notFound.Set, "is not here:", notFound.File)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(len(ds.Split.Train), len(ds.Split.Test))
		}
	}
	// Output:
	// mnist is not here: train-images-idx3-ubyte
	// fashion-mnist is not here: train-images-idx3-ubyte
}

// The first 10,000 training images, which are in the first of five batches.
func ExampleCIFAR10() {
	os.Setenv("KERNELSMITH_DATA", "testdata")
	defer os.Unsetenv("KERNELSMITH_DATA")
	os.Setenv("KERNELSMITH_CACHE", "testdata/no such folder")
	defer os.Unsetenv("KERNELSMITH_CACHE")
	_, err := data.CIFAR10(10000)
	var notFound *data.NotFoundError
	if errors.As(err, &notFound) {
		fmt.Println(notFound.File)
	}
	_, err = data.CIFAR10(60000)
	fmt.Println(err)
	// Output:
	// data_batch_1.bin
	// data: cifar-10: 60000 training rows; there are 50000: ask for 1 to 50000
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
	// digits: 1797×64, [0 1 2 3 4 5 6 7 8 9]
	// iris: 150×4, [setosa versicolor virginica]
	// wine: 178×13, [cultivar 1 cultivar 2 cultivar 3]
}

func ExampleEmbeddedNames() {
	fmt.Println(data.EmbeddedNames())
	// Output: [breast-cancer digits iris wine]
}

func ExampleDigits() {
	digits := data.Digits()
	n, d := digits.Dims()
	fmt.Println(n, "images of", d, "pixels:", digits.Image.Height, "by", digits.Image.Width)
	// Output: 1797 images of 64 pixels: 8 by 8
}

func ExampleWine() {
	ds := data.Wine()
	fmt.Println(ds.ClassCounts())
	fmt.Println(ds.Provenance.Licence)
	// Output:
	// [59 71 48]
	// CC BY 4.0 (data, UCI Machine Learning Repository); BSD-3-Clause (file, scikit-learn)
}

// Four images of two grey pixels each, kept as the bytes that they came in.
func ExampleDataset_Row() {
	ds := &data.Dataset{
		Name: "pairs", Bytes: []byte{0, 255, 10, 20, 30, 40, 1, 2}, Labels: []int{0, 1, 1, 0},
		Classes: 2, Image: &data.Image{Height: 1, Width: 2, Channels: 1, Order: "HWC"},
	}
	if err := ds.Validate(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(ds.Row(2, make([]float64, 2)))
	// Output: [30 40]
}

func ExampleDataset_Float32() {
	ds := embedded("iris")
	rows, err := ds.Float32([]int{0, 149})
	fmt.Println(rows, err)
	// Output: [5.1 3.5 1.4 0.2 5.9 3 5.1 1.8] <nil>
}

// The flowers of iris as they are trained on: how far from the sphere, and what is there twice.
func ExampleDataset_Audit() {
	ds := embedded("iris")
	a, err := ds.Audit(*ds.Split, data.MeanNorm{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("‖x‖²/d from %.2f to %.2f, recommended radius %.2f\n", a.Train.Norms[0],
		a.Train.Norms[100], a.Radius)
	fmt.Println("equal rows:", a.Duplicates, "of different classes:", a.Conflicting)
	fmt.Println("test rows that are training rows too:", a.Test.Shared)
	fmt.Println(a.Train.ClassCounts, a.Constant)
	// Output:
	// ‖x‖²/d from 0.59 to 1.99, recommended radius 1.00
	// equal rows: [[101 142]] of different classes: 0
	// test rows that are training rows too: 1
	// [25 25 25] []
}

// Two flowers that differ in one of four measures, by a tenth of a centimetre.
func ExampleDataset_NearDuplicates() {
	ds := embedded("iris")
	pairs, err := ds.NearDuplicates(*ds.Split, 0.013)
	if err != nil {
		log.Fatal(err)
	}
	x := make([]float64, 4)
	for _, p := range pairs[:1] {
		fmt.Printf("%.2f %% apart:\n", 100*p.Distance)
		fmt.Println(ds.Row(p.First, x))
		fmt.Println(ds.Row(p.Second, x))
	}
	// Output:
	// 1.08 % apart:
	// [6.4 2.8 5.6 2.1]
	// [6.4 2.8 5.6 2.2]
}

func ExampleDataset_String() {
	fmt.Println(data.Wine())
	// Output: wine: 178 rows of 13 features, 3 classes
}

func ExampleDataset_Dims() {
	fmt.Println(data.Wine().Dims())
	// Output: 178 13
}

func ExampleDataset_ClassCounts() {
	fmt.Println(embedded("iris").ClassCounts())
	// Output: [50 50 50]
}

func ExampleDataset_Subset() {
	two, err := embedded("iris").Subset([]int{0, 149})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(two.Labels, two.Classes)
	// Output: [0 2] 3
}

func ExampleDataset_Validate() {
	ds := embedded("iris")
	ds.X.Set(4, 1, math.NaN())
	fmt.Println(strings.ReplaceAll(ds.Validate().Error(), "; ", ";\n"))
	// Output:
	// data: iris: X[4,1] (row 4, column 1, counted from 0) is NaN;
	// remove or impute it: features must be finite
}

func ExampleDataset_Fingerprint() {
	a, b, changed := embedded("iris"), embedded("iris"), embedded("iris")
	changed.X.Set(0, 0, 5.2)
	fmt.Println(a.Fingerprint() == b.Fingerprint(), a.Fingerprint() == changed.Fingerprint())
	// Output: true false
}

func ExampleDataset_HalfSplit() {
	ds := embedded("breast-cancer")
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
	s, err := embedded("iris").StratifiedSplit(0.8, 1)
	fmt.Println(len(s.Train), len(s.Test), err)
	// Output: 120 30 <nil>
}

func ExampleSplit_Validate() {
	fmt.Println(data.Split{Train: []int{0, 1}, Test: []int{1, 2}}.Validate(3))
	// Output: data: row 1 is in the training part and in the test part
}

// As a train.Problem, which package ntk/train takes, it can be given as it is.
func ExamplePrepared_Problem() {
	ds := embedded("iris")
	s, err := ds.StratifiedSplit(0.8, 1)
	if err != nil {
		log.Fatal(err)
	}
	p, err := data.Prepare(ds, s, data.Sphere{})
	if err != nil {
		log.Fatal(err)
	}
	problem := p.Problem()
	fmt.Println(problem.XTrain.Dims())
	fmt.Println(problem.YTest.Dims())
	// Output:
	// 120 4
	// 30 3
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
	ds := embedded("iris")
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
