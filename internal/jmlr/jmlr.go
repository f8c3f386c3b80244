// Package jmlr knows the files of the collection of Fernández-Delgado et al. (JMLR 15, 2014): which
// sets there are, their published checksums, and where on this machine they lie.
package jmlr

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

//go:embed sha256.txt
var sums256 string

// checksums maps set, then file, to the SHA-256 of the published file.
var checksums = sync.OnceValue(func() map[string]map[string]string {
	sums := make(map[string]map[string]string)
	for line := range strings.Lines(sums256) {
		sum, path, _ := strings.Cut(strings.TrimSpace(line), "  ")
		set, file, _ := strings.Cut(path, "/")
		if sums[set] == nil {
			sums[set] = make(map[string]string)
		}
		sums[set][file] = sum
	}
	return sums
})

// Sets returns the names of the sets of the collection whose files are
// known by checksum, in alphabetical order. The collection has more; those are
// read too, but unverified.
func Sets() []string {
	return slices.Sorted(maps.Keys(checksums()))
}

// Checksums returns the SHA-256 in hexadecimal of each published file of
// the set, by file name, or nil when they are not known.
func Checksums(set string) map[string]string {
	return maps.Clone(checksums()[set])
}

// The environment variables that say where files are, and the folder below
// either place that holds the JMLR collection.
const (
	dataVariable  = "KERNELSMITH_DATA"
	cacheVariable = "KERNELSMITH_CACHE"
	inside        = "jmlr"
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
	fmt.Fprintf(&b, "; run `make data` in the checkout, or go run "+
		"github.com/kernelsmith/kernelsmith/data/fetch with its name, to download it, or set %s "+
		"to a folder that holds %s", dataVariable, filepath.Join(inside, e.Set))
	if Checksums(e.Set) == nil {
		b.WriteString("; it is none of the sets whose checksums are known: check its spelling")
	}
	return b.String()
}

// Find returns the folder from which data.LoadJMLR would read the set, without
// reading it, or a *NotFoundError.
func Find(set string) (dir string, err error) {
	if set == "" || set == "." || !fs.ValidPath(set) || strings.ContainsAny(set, `/\:`) {
		return "", fmt.Errorf("data: %q is not the name of a set", set)
	}
	var places []string
	if root := os.Getenv(dataVariable); root != "" {
		dir := filepath.Join(root, inside, set)
		if found, err := isFolder(dir); found || err != nil {
			return dir, err
		}
		places = append(places, dir)
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(cache, inside, set)
	if found, err := isFolder(dir); found || err != nil {
		return dir, err
	}
	return "", &NotFoundError{Set: set, Places: append(places, dir)}
}

// Found returns the names of the sets that data.LoadJMLR finds on this machine,
// in alphabetical order, without reading them: the folders in
// $KERNELSMITH_DATA/jmlr and in jmlr of the cache that hold <set>.txt, and those
// named like one of Sets, so that a damaged set is not passed over. None is
// no error.
func Found() ([]string, error) {
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
		entries, err := os.ReadDir(filepath.Join(root, inside))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("data: cannot list the sets: %w", err)
		}
		for _, entry := range entries {
			set := entry.Name()
			dir := filepath.Join(root, inside, set)
			if folder, err := isFolder(dir); err != nil || !folder {
				continue // a file, or a link to nothing
			}
			if _, err := os.Stat(filepath.Join(dir, set+".txt")); err == nil ||
				Checksums(set) != nil {
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
