package data

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kernelsmith/kernelsmith/internal/loaded"
	"gonum.org/v1/gonum/mat"
)

//go:embed embedded/*.csv embedded/*.csv.gz
var embeddedFiles embed.FS

// embeddedSplitSeed fixes the Split of the embedded sets.
const embeddedSplitSeed = 1

const uciLicence = "CC BY 4.0 (data, UCI Machine Learning Repository); BSD-3-Clause (file, " +
	"scikit-learn)"

type embeddedSet struct {
	file, source, licence, citation string
	features                        []string
	classes                         []string
	image                           *Image
}

var embeddedSets = map[string]embeddedSet{
	"iris": {
		file: "iris.csv",
		source: "UCI Machine Learning Repository, Iris (donor: Michael Marshall, 1988), " +
			"https://doi.org/10.24432/C56C76; file of scikit-learn 1.9.1, which agrees with " +
			"Fisher's paper where the UCI copy has two wrong rows",
		licence: uciLicence,
		citation: "R. A. Fisher: The use of multiple measurements in taxonomic problems. Annals " +
			"of Eugenics 7 (1936), 179-188",
		features: []string{
			"sepal length (cm)",
			"sepal width (cm)",
			"petal length (cm)",
			"petal width (cm)",
		},
		classes: []string{"setosa", "versicolor", "virginica"},
	},
	"wine": {
		file: "wine_data.csv",
		source: "UCI Machine Learning Repository, Wine (S. Aeberhard, M. Forina), " +
			"https://doi.org/10.24432/C5PC7J; file of scikit-learn 1.9.1",
		licence: uciLicence,
		citation: "M. Forina et al.: PARVUS, an extendible package for data exploration, " +
			"classification and correlation. Institute of Pharmaceutical and Food Analysis and " +
			"Technologies, Genoa; S. Aeberhard, D. Coomans, O. de Vel: Comparison of " +
			"classifiers in high dimensional settings. Tech. Rep. 92-02, James Cook University " +
			"of North Queensland (1992)",
		features: []string{
			"alcohol",
			"malic acid",
			"ash",
			"alcalinity of ash",
			"magnesium",
			"total phenols",
			"flavanoids",
			"nonflavanoid phenols",
			"proanthocyanins",
			"color intensity",
			"hue",
			"OD280/OD315 of diluted wines",
			"proline",
		},
		classes: []string{"cultivar 1", "cultivar 2", "cultivar 3"},
	},
	"breast-cancer": {
		file: "breast_cancer.csv",
		source: "UCI Machine Learning Repository, Breast Cancer Wisconsin (Diagnostic) " +
			"(donor: Nick Street, 1995), https://doi.org/10.24432/C5DW2B; file of scikit-learn " +
			"1.9.1",
		licence: uciLicence,
		citation: "W. N. Street, W. H. Wolberg, O. L. Mangasarian: Nuclear feature extraction " +
			"for breast tumor diagnosis. IS&T/SPIE Symposium on Electronic Imaging 1905 (1993), " +
			"861-870",
		features: wdbcFeatures(),
		classes:  []string{"malignant", "benign"},
	},
	"digits": {
		file: "digits.csv.gz",
		source: "UCI Machine Learning Repository, Optical Recognition of Handwritten Digits " +
			"(E. Alpaydin, C. Kaynak, 1998), https://doi.org/10.24432/C50P49, the test part; " +
			"file of scikit-learn 1.9.1",
		licence: uciLicence,
		citation: "C. Kaynak: Methods of combining multiple classifiers and their applications " +
			"to handwritten digit recognition. MSc thesis, Bogazici University (1995)",
		features: pixelNames(8, 8),
		classes:  []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
		image:    &Image{Height: 8, Width: 8, Channels: 1, Order: "HWC"},
	},
}

// pixelNames names the pixels of an image, line by line.
func pixelNames(height, width int) []string {
	var names []string
	for i := range height {
		for j := range width {
			names = append(names, fmt.Sprintf("pixel (%d, %d)", i, j))
		}
	}
	return names
}

// wdbcFeatures names ten measurements in three statistics each.
func wdbcFeatures() []string {
	var names []string
	for _, statistic := range []string{"mean ", "standard error of ", "worst "} {
		for _, quantity := range []string{"radius", "texture", "perimeter", "area", "smoothness",
			"compactness",
			"concavity", "concave points", "symmetry", "fractal dimension"} {
			names = append(names, statistic+quantity)
		}
	}
	return names
}

// Wine returns chemical analyses of Italian wines: 178 rows, 13 features, 3
// cultivars. It is not the wine-quality set of the published experiments.
func Wine() *Dataset { return mustEmbedded("wine") }

// Digits returns handwritten digits: 1,797 grey images of 8×8 pixels, 0 for the background to 16
// for ink, 10 classes. It takes the place of larger sets of images where their files are missing.
func Digits() *Dataset { return mustEmbedded("digits") }

// EmbeddedNames returns the names that Embedded takes, in alphabetical order.
func EmbeddedNames() []string { return slices.Sorted(maps.Keys(embeddedSets)) }

// Embedded returns the named set from those inside the program, newly read at
// every call; values are in the source's units. Split and Tuning are a stratified half
// split that never changes: HalfSplit with seed 1. Source, licence and
// citation are in Provenance. It returns an error for an unknown name.
func Embedded(name string) (*Dataset, error) {
	set, ok := embeddedSets[name]
	if !ok {
		return nil, fmt.Errorf("data: no embedded set %q; there are %s", name,
			strings.Join(EmbeddedNames(), ", "))
	}
	b, err := embeddedFiles.ReadFile("embedded/" + set.file)
	if err != nil {
		return nil, fmt.Errorf("data: embedded %s: %w", name, err)
	}
	rows, err := set.rows(b)
	if err != nil {
		return nil, fmt.Errorf("data: embedded %s: %w", name, err)
	}
	d := len(set.features)
	x := mat.NewDense(len(rows), d, nil)
	labels := make([]int, len(rows))
	for i, row := range rows {
		if len(row) != d+1 {
			return nil, fmt.Errorf("data: embedded %s: row %d has %d fields", name, i, len(row))
		}
		for j, text := range row[:d] {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, fmt.Errorf("data: embedded %s: row %d: %w", name, i, err)
			}
			x.Set(i, j, v)
		}
		if labels[i], err = strconv.Atoi(row[d]); err != nil {
			return nil, fmt.Errorf("data: embedded %s: row %d: %w", name, i, err)
		}
	}
	ds, err := New(name, x, labels, len(set.classes))
	if err != nil {
		return nil, err
	}
	if set.image != nil {
		image := *set.image
		ds.Image = &image
	}
	ds.FeatureNames, ds.ClassNames = slices.Clone(set.features), slices.Clone(set.classes)
	sum := sha256.Sum256(b)
	ds.Provenance = Provenance{
		Source:   set.source,
		Licence:  set.licence,
		Citation: set.citation,
		SHA256:   map[string]string{set.file: hex.EncodeToString(sum[:])},
	}
	half, err := ds.HalfSplit(embeddedSplitSeed)
	if err != nil {
		return nil, err
	}
	ds.Split = &half
	ds.Tuning = &Split{Train: slices.Clone(half.Train), Test: slices.Clone(half.Test)}
	loaded.Note(ds.Name, ds.Provenance.Licence, "")
	return ds, nil
}

// rows returns the samples in the file's bytes. Files that are not compressed have a first line
// with the number of rows, that of features and the names of the classes.
func (set embeddedSet) rows(b []byte) ([][]string, error) {
	plain, compressed := io.Reader(bytes.NewReader(b)), strings.HasSuffix(set.file, ".gz")
	if compressed {
		var err error
		if plain, err = gzip.NewReader(plain); err != nil {
			return nil, err
		}
	}
	r := csv.NewReader(plain)
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err == nil && !compressed {
		rows = rows[1:]
	}
	return rows, err
}

func mustEmbedded(name string) *Dataset {
	ds, err := Embedded(name)
	if err != nil {
		panic(err) // the files are part of the program
	}
	return ds
}
