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

	"github.com/kernelsmith/kernelsmith/internal/locate"
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

// inside is the folder below a place of data sets that holds the collection.
const inside = "jmlr"

// Find returns the folder from which data.LoadJMLR would read the set, without
// reading it, or a *locate.NotFoundError.
func Find(set string) (dir string, err error) {
	if set == "" || set == "." || !fs.ValidPath(set) || strings.ContainsAny(set, `/\:`) {
		return "", fmt.Errorf("data: %q is not the name of a set", set)
	}
	roots, noCache := locate.Roots()
	var places []string
	for _, root := range roots {
		dir := filepath.Join(root, inside, set)
		if found, err := locate.IsFolder(dir); found || err != nil {
			return dir, err
		}
		places = append(places, dir)
	}
	if noCache != nil {
		return "", noCache
	}
	missing := &locate.NotFoundError{Set: set, Places: places, Below: filepath.Join(inside, set)}
	if Checksums(set) == nil {
		missing.Remedy = "it is none of the sets whose checksums are known: check its spelling"
	}
	return "", missing
}

// Found returns the names of the sets that data.LoadJMLR finds on this machine,
// in alphabetical order, without reading them: the folders in
// $KERNELSMITH_DATA/jmlr and in jmlr of the cache that hold <set>.txt, and those
// named like one of Sets, so that a damaged set is not passed over. None is
// no error.
func Found() ([]string, error) {
	roots, err := locate.Roots()
	if err != nil && roots == nil {
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
			if folder, err := locate.IsFolder(dir); err != nil || !folder {
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
