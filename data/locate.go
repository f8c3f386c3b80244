package data

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The environment variables that say where files are, and the folder below
// either place that holds the JMLR collection.
const (
	dataVariable  = "KERNELSMITH_DATA"
	cacheVariable = "KERNELSMITH_CACHE"
	jmlrFolder    = "jmlr"
)

// NotFoundError reports that the files of a set are in none of the places
// where they may be.
type NotFoundError struct {
	Set    string
	Places []string // the folders looked for, in order
}

// Error implements error.
func (e *NotFoundError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "data: set %s not found; looked in %s", e.Set, strings.Join(e.Places, " and "))
	if os.Getenv(dataVariable) == "" {
		fmt.Fprintf(&b, " (%s is not set)", dataVariable)
	}
	fmt.Fprintf(&b, "; run `make data` to download it, or set %s to a folder that holds %s",
		dataVariable, filepath.Join(jmlrFolder, e.Set))
	if JMLRChecksums(e.Set) == nil {
		b.WriteString("; the name is not among JMLRSets(): check its spelling")
	}
	return b.String()
}

// LoadSettings changes how LoadJMLR reads; nil and the zero value are the
// defaults.
type LoadSettings struct {
	// AcceptAltered reads files that differ from the published ones too, for
	// data that was edited on purpose, and lists them in Provenance.Altered.
	// They must still agree with each other.
	AcceptAltered bool
}

// LoadJMLR reads the set from $KERNELSMITH_DATA/jmlr/<set>, else from
// jmlr/<set> in the folder CacheDir names. It never goes to the network.
//
// It returns a *NotFoundError when there is no such folder, a *ChecksumError
// when a file differs from the published one, and otherwise the errors of
// ParseJMLR. The first folder found counts: a damaged one is an error, never a
// reason to read another.
func LoadJMLR(set string, settings *LoadSettings) (*Dataset, error) {
	dir, err := FindJMLR(set)
	if err != nil {
		return nil, err
	}
	s := newJMLRReader(os.DirFS(dir), dir, set)
	s.want = jmlrChecksums()[set]
	s.acceptAltered = settings != nil && settings.AcceptAltered
	ds, err := s.parse()
	if err == nil {
		loaded(ds)
	}
	return ds, err
}

// FindJMLR returns the folder from which LoadJMLR would read the set, without
// reading it, or a *NotFoundError.
func FindJMLR(set string) (dir string, err error) {
	if set == "" || set == "." || !fs.ValidPath(set) || strings.ContainsAny(set, `/\:`) {
		return "", fmt.Errorf("data: %q is not the name of a set", set)
	}
	var places []string
	if root := os.Getenv(dataVariable); root != "" {
		dir := filepath.Join(root, jmlrFolder, set)
		if found, err := isFolder(dir); found || err != nil {
			return dir, err
		}
		places = append(places, dir)
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(cache, jmlrFolder, set)
	if found, err := isFolder(dir); found || err != nil {
		return dir, err
	}
	return "", &NotFoundError{Set: set, Places: append(places, dir)}
}

// FoundJMLR returns the names of the sets that LoadJMLR finds on this machine,
// in alphabetical order, without reading them: the folders in
// $KERNELSMITH_DATA/jmlr and in jmlr of the cache that hold <set>.txt, and those
// named like one of JMLRSets, so that a damaged set is not passed over. None is
// no error.
func FoundJMLR() ([]string, error) {
	var roots []string
	if root := os.Getenv(dataVariable); root != "" {
		roots = append(roots, root)
	}
	if cache, err := CacheDir(); err == nil {
		roots = append(roots, cache)
	} else if roots == nil {
		return nil, err
	}
	found := make(map[string]bool)
	for _, root := range roots {
		entries, err := os.ReadDir(filepath.Join(root, jmlrFolder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("data: cannot list the sets: %w", err)
		}
		for _, entry := range entries {
			set := entry.Name()
			dir := filepath.Join(root, jmlrFolder, set)
			if folder, err := isFolder(dir); err != nil || !folder {
				continue // a file, or a link to nothing
			}
			if _, err := os.Stat(filepath.Join(dir, set+".txt")); err == nil ||
				JMLRChecksums(set) != nil {
				found[set] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

func isFolder(dir string) (bool, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("data: %w", err)
	case !info.IsDir():
		return false, fmt.Errorf("data: %s is a file; the folder of the set should be there", dir)
	}
	return true, nil
}

// CacheDir returns the folder that downloads go to: $KERNELSMITH_CACHE, or by
// default the folder kernelsmith in the user's cache folder. It need not exist
// yet. It returns an error when neither is known.
func CacheDir() (string, error) {
	if dir := os.Getenv(cacheVariable); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("data: no cache folder (%w); set %s to a folder", err, cacheVariable)
	}
	return filepath.Join(dir, "kernelsmith"), nil
}
