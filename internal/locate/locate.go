// Package locate knows the places on this machine where the files of data sets lie.
package locate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The environment variables that say where files are.
const (
	dataVariable  = "KERNELSMITH_DATA"
	cacheVariable = "KERNELSMITH_CACHE"
)

// NotFoundError reports that the files of a set, or one of them, are in none of the places where
// they may be.
type NotFoundError struct {
	Set    string
	File   string   // the file that is missing, empty where the folder of the set is
	Places []string // the folders looked in, in order
	Below  string   // what the folder that KERNELSMITH_DATA names has to hold: jmlr/<set>
	Remedy string   // what else can be done or may be wrong; may be empty
}

// Error implements error.
func (e *NotFoundError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "data: set %s", e.Set)
	if e.File != "" {
		fmt.Fprintf(&b, ": %s", e.File)
	}
	fmt.Fprintf(&b, " not found; looked in %s", strings.Join(e.Places, " and "))
	if os.Getenv(dataVariable) == "" {
		fmt.Fprintf(&b, " (%s is not set)", dataVariable)
	}
	fmt.Fprintf(&b, "; run `make data DATASETS=%s` in the checkout, or go run "+
		"github.com/kernelsmith/kernelsmith/data/fetch %s, to download it, or set %s to a folder "+
		"that holds %s", e.Set, e.Set, dataVariable, e.Below)
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// Roots returns the folders that sets are looked for in, in order: the one that KERNELSMITH_DATA
// names, if it does, and the cache. Where no cache is known the error says so, and what is named
// is returned nonetheless, since a set that is there needs no cache.
func Roots() ([]string, error) {
	var roots []string
	if root := os.Getenv(dataVariable); root != "" {
		roots = append(roots, root)
	}
	cache, err := CacheDir()
	if err != nil {
		return roots, err
	}
	return append(roots, cache), nil
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

// IsFolder says whether there is a folder of this name; a file in its place is an error.
func IsFolder(dir string) (bool, error) {
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
