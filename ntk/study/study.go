package study

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/internal/loaded"
	"github.com/kernelsmith/kernelsmith/internal/records"
)

// Study is the records of one notebook at one scale. Several processes may have the same one.
type Study struct {
	name, scale string
	records     *records.Folder
	folder      string // that of the records, from the root
}

// Scales of a study: paper has the published settings, quick takes seconds.
const (
	paper = "paper"
	quick = "quick"
)

var studyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

// Open opens the study with a name, such as "04", in the folder records/SCALE/NAME of the
// working directory, which it makes where it is missing. The scale is in the environment
// variable KERNELSMITH_SCALE: paper, or quick, which is the default. It reports another
// scale, a name that is not of letters, digits and hyphens, and a folder that cannot be made.
func Open(name string) (*Study, error) {
	scale := os.Getenv("KERNELSMITH_SCALE")
	switch scale {
	case "":
		scale = quick
	case paper, quick:
	default:
		return nil, fmt.Errorf("study: KERNELSMITH_SCALE is %q; it must be %s or %s", scale, quick,
			paper)
	}
	if !studyName.MatchString(name) {
		return nil, fmt.Errorf("study: %q cannot name a study; use letters, digits and hyphens",
			name)
	}
	folder, err := filepath.Abs(filepath.Join("records", scale, name))
	if err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	records, err := records.Open(filepath.Join("records", scale, name))
	if err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	return &Study{name, scale, records, folder}, nil
}

// Dataset returns a set of images, "mnist", "fashion-mnist" or "cifar-10" with its first 10,000
// training rows, or a set of the JMLR collection (see data.MNIST, data.CIFAR10, data.LoadJMLR).
// Where its files are not on this machine, at the quick scale a stand-in takes its place, and a
// published page says so; at the other scale that is an error, and so are damaged files at both.
func (s *Study) Dataset(name string, standIn func() *data.Dataset) (*data.Dataset, error) {
	set, err := loadSet(name)
	var missing *data.NotFoundError
	if errors.As(err, &missing) && s.scale == quick && standIn != nil {
		set = standIn()
		if set != nil {
			loaded.Note(set.Name, set.Provenance.Licence, name)
		}
		return set, nil
	}
	return set, err
}

func loadSet(name string) (*data.Dataset, error) {
	switch name {
	case "mnist":
		return data.MNIST()
	case "fashion-mnist":
		return data.FashionMNIST()
	case "cifar-10":
		return data.CIFAR10(10_000)
	}
	return data.LoadJMLR(name, nil)
}

// Scale returns "paper" or "quick".
func (s *Study) Scale() string { return s.scale }

// AtScale returns the first value at the scale of papers, and the second at the quick one.
func AtScale[T any](s *Study, published, quick T) T {
	if s.scale == paper {
		return published
	}
	return quick
}

// String names the study, such as "04 at paper scale".
func (s *Study) String() string { return s.name + " at " + s.scale + " scale" }
