// Package imagesets knows the published files of CIFAR-10, MNIST and Fashion-MNIST: their names,
// sizes and checksums, where they are published and under which licence, and where they lie on this
// machine.
package imagesets

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/kernelsmith/kernelsmith/internal/locate"
)

// A File is published: its name, its size in bytes and its SHA-256 in hexadecimal.
type File struct {
	Name   string
	Bytes  int64
	SHA256 string
}

// A Set is images of one shape, each with a label.
type Set struct {
	Name    string
	Folder  string // in which its files lie, below a place of data sets
	Classes []string

	Height, Width, Channels int
	TrainRows, TestRows     int

	// Files are what is read. Where they are published compressed one by one, they may lie on this
	// machine in that form too, and their sizes and checksums here are those of what is inside.
	Files []File
	// Downloads are what is transferred: an archive that holds Files, or each of Files compressed
	// by gzip.
	Downloads []File
	// Archive says that Downloads is one gzipped tar archive of Files.
	Archive bool
	// Mirrors are the addresses of folders that hold Downloads, in the order to try them in.
	Mirrors []string

	Source, Licence, Citation string
}

// All are the sets, in alphabetical order.
var All = []*Set{&CIFAR10, &FashionMNIST, &MNIST}

// Named returns the set of a name, nil where there is none.
func Named(name string) *Set {
	if i := slices.IndexFunc(All, func(s *Set) bool { return s.Name == name }); i >= 0 {
		return All[i]
	}
	return nil
}

// CIFAR10 is in the binary version: six files of 10,000 records, each a label and the red, green
// and blue values of an image. Files are the five training batches, then the test batch.
//
// The checksum of the archive is that of TensorFlow Datasets (its MD5 is on the authors' page),
// those of the batches are those of torchvision for Ruby.
var CIFAR10 = Set{
	Name:   "cifar-10",
	Folder: "cifar-10-batches-bin",
	Classes: []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse",
		"ship", "truck"},
	Height: 32, Width: 32, Channels: 3, TrainRows: 50000, TestRows: 10000,
	Files: []File{
		{"data_batch_1.bin", 30730000,
			"cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
		{"data_batch_2.bin", 30730000,
			"a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
		{"data_batch_3.bin", 30730000,
			"bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
		{"data_batch_4.bin", 30730000,
			"014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
		{"data_batch_5.bin", 30730000,
			"755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
		{"test_batch.bin", 30730000,
			"8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"},
	},
	Downloads: []File{{"cifar-10-binary.tar.gz", 170052171,
		"c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}},
	Archive: true,
	Mirrors: []string{"https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"},
	Source: "A. Krizhevsky, V. Nair, G. Hinton: CIFAR-10, binary version, " +
		"https://www.cs.toronto.edu/~kriz/cifar.html",
	Licence: "none stated; the authors ask to cite their report",
	Citation: "A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images. Technical " +
		"report, University of Toronto (2009)",
}

// MNIST is four idx files. Their published checksums are those of TensorFlow Datasets; the
// authors' server, last of the mirrors, often refuses.
var MNIST = Set{
	Name:    "mnist",
	Folder:  "mnist",
	Classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
	Height:  28, Width: 28, Channels: 1, TrainRows: 60000, TestRows: 10000,
	Files: []File{
		{"train-images-idx3-ubyte", 47040016,
			"ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
		{"train-labels-idx1-ubyte", 60008,
			"65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
		{"t10k-images-idx3-ubyte", 7840016,
			"0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
		{"t10k-labels-idx1-ubyte", 10008,
			"ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
	},
	Downloads: []File{
		{"train-images-idx3-ubyte.gz", 9912422,
			"440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
		{"train-labels-idx1-ubyte.gz", 28881,
			"3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
		{"t10k-images-idx3-ubyte.gz", 1648877,
			"8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
		{"t10k-labels-idx1-ubyte.gz", 4542,
			"f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
	},
	Mirrors: []string{
		"https://ossci-datasets.s3.amazonaws.com/mnist/",
		"https://storage.googleapis.com/cvdf-datasets/mnist/",
		"http://yann.lecun.com/exdb/mnist/",
	},
	Source: "Y. LeCun, C. Cortes, C. J. C. Burges: The MNIST database of handwritten digits, " +
		"http://yann.lecun.com/exdb/mnist/",
	Licence: "CC BY-SA 3.0 according to Keras; the authors' page states none",
	Citation: "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to " +
		"document recognition. Proceedings of the IEEE 86 (1998), 2278-2324",
}

// FashionMNIST is four idx files. The MD5 of the published ones is in the README of the authors'
// repository, and the SHA-256 in torchvision.
var FashionMNIST = Set{
	Name:   "fashion-mnist",
	Folder: "fashion-mnist",
	Classes: []string{"T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt",
		"sneaker", "bag", "ankle boot"},
	Height: 28, Width: 28, Channels: 1, TrainRows: 60000, TestRows: 10000,
	Files: []File{
		{"train-images-idx3-ubyte", 47040016,
			"c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
		{"train-labels-idx1-ubyte", 60008,
			"bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
		{"t10k-images-idx3-ubyte", 7840016,
			"5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
		{"t10k-labels-idx1-ubyte", 10008,
			"0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
	},
	Downloads: []File{
		{"train-images-idx3-ubyte.gz", 26421880,
			"3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
		{"train-labels-idx1-ubyte.gz", 29515,
			"a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
		{"t10k-images-idx3-ubyte.gz", 4422102,
			"346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
		{"t10k-labels-idx1-ubyte.gz", 5148,
			"67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
	},
	Mirrors: []string{
		"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
		"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
	},
	Source:  "Zalando Research: Fashion-MNIST, https://github.com/zalandoresearch/fashion-mnist",
	Licence: "MIT, © 2017 Zalando SE",
	Citation: "H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a Novel Image Dataset for " +
		"Benchmarking Machine Learning Algorithms. arXiv:1708.07747 (2017)",
}

// Inside returns what is in a file of so many bytes, unpacked where it is compressed by gzip. Of
// the file it reads a megabyte more at most, since gzip makes nothing that much longer: this bounds
// the time that empty streams after one another can take.
func Inside(f io.Reader, size int64) (io.Reader, error) {
	in := bufio.NewReaderSize(io.LimitReader(f, size+1<<20), 1<<16)
	if start, _ := in.Peek(2); string(start) == "\x1f\x8b" {
		return gzip.NewReader(in)
	}
	return in, nil
}

// Find returns the path of a file of the set, as it is or as name.gz, in the first of the places of
// data sets that has it, or a *locate.NotFoundError.
func (s *Set) Find(name string) (string, error) {
	roots, noCache := locate.Roots()
	var places []string
	for _, root := range roots {
		dir := filepath.Join(root, s.Folder)
		if _, err := locate.IsFolder(dir); err != nil {
			return "", err
		}
		for _, path := range []string{filepath.Join(dir, name), filepath.Join(dir, name+".gz")} {
			_, err := os.Stat(path)
			if err == nil {
				return path, nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("data: %w", err)
			}
		}
		places = append(places, dir)
	}
	if noCache != nil {
		return "", noCache
	}
	return "", &locate.NotFoundError{Set: s.Name, File: name, Places: places,
		Below: filepath.Join(s.Folder, name)}
}
