package data

import (
	"os"

	"github.com/kernelsmith/kernelsmith/internal/jmlr"
	"github.com/kernelsmith/kernelsmith/internal/loaded"
	"github.com/kernelsmith/kernelsmith/internal/locate"
)

// NotFoundError reports that the files of a set are in none of the places where they may be: Set is
// its name, Places are the folders looked in, in order, and File is the one file that is missing,
// empty where the folder of the set is.
type NotFoundError = locate.NotFoundError

// LoadSettings changes how LoadJMLR reads; nil and the zero value are the
// defaults.
type LoadSettings struct {
	// Dir, if not empty, is the folder that holds the files of the set, in place of those where
	// sets lie.
	Dir string
	// AcceptAltered reads files that differ from the published ones too, for
	// data that was edited on purpose, and lists them in Provenance.Altered.
	// They must still agree with each other.
	AcceptAltered bool
}

// LoadJMLR reads a set of the JMLR collection from $KERNELSMITH_DATA/jmlr/<set>, else from
// jmlr/<set> in $KERNELSMITH_CACHE, by default the folder kernelsmith in the user's cache folder.
// It never goes to the network. The first folder found counts: a damaged one is an error, never a
// reason to read another.
//
// The folder holds
//
//   - <set>.txt: lines "key= value" with n_entradas (features), n_clases
//     (classes), fich1 and n_patrons1 (file and number of its rows), and
//     optionally fich2 and n_patrons2 (a separate test file);
//   - the files fich1 and fich2 (…_R.dat): a header line, then a line for each
//     sample: its number, the features, the class counted from 0;
//   - conxuntos.dat: two lines, the rows of fich1 (counted from 0) for training
//     and those for validation, which become Tuning. Required when <set>.txt
//     gives n_patrons_entrena;
//   - conxuntos_kfold.dat (optional): pairs of lines, training and test rows of
//     fich1, which become Folds. The test rows of different folds may overlap.
//
// Split is Tuning in a set with one file, and fich1 against fich2 otherwise,
// where the rows of fich2 follow those of fich1.
//
// A file that is truncated or altered so that it no longer agrees with the
// others gives a *FormatError: wrong number of rows or features, a value that
// is not a finite number, a class out of range, an index out of range,
// repeated or missing.
// It returns a *NotFoundError when there is no such folder, and a *ChecksumError when a file
// differs from the published one, where that is known.
func LoadJMLR(set string, settings *LoadSettings) (*Dataset, error) {
	if settings == nil {
		settings = &LoadSettings{}
	}
	dir := settings.Dir
	if dir == "" {
		var err error
		if dir, err = jmlr.Find(set); err != nil {
			return nil, err
		}
	}
	s := newJMLRReader(os.DirFS(dir), dir, set)
	s.want = jmlr.Checksums(set)
	s.acceptAltered = settings.AcceptAltered
	ds, err := s.parse()
	if err == nil {
		loaded.Note(ds.Name, ds.Provenance.Licence, "")
	}
	return ds, err
}

// FoundJMLR returns the names of the sets that LoadJMLR finds on this machine, in alphabetical
// order, without reading them: the folders in the places it looks in that hold <set>.txt, and
// those named like a set of known checksums, so that a damaged set is not passed over. None is no
// error.
func FoundJMLR() ([]string, error) { return jmlr.Found() }
