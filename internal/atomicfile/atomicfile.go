// Package atomicfile writes files that are there whole or not at all.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteBytes is Write of these bytes.
func WriteBytes(path string, b []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// WriteNew is WriteBytes where path is not there yet. If it is, by the time that the bytes are
// on the disk, it stays as it is, and the error is fs.ErrExist: of processes that write one
// file at once, the first wins. On a file system without links the last may.
func WriteNew(path string, b []byte) error {
	return write(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}, placeNew)
}

// link is os.Link, but in tests.
var link = os.Link

// placeNew gives a temporary file its name, if no other file has it.
func placeNew(temporary, path string) error {
	err := link(temporary, path)
	if err == nil {
		os.Remove(temporary) // what is left of a name is no loss
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, e := os.Lstat(path); e == nil {
		return fs.ErrExist
	}
	return os.Rename(temporary, path)
}

// Write has fill write a temporary file beside path and renames it when it is safely on
// disk, so that path never holds a part of it. Errors name the path, for the caller to
// put its package's name before them.
func Write(path string, fill func(w io.Writer) error) error {
	return write(path, fill, os.Rename)
}

// write fills a temporary file beside path and has place give it its name.
func write(
	path string, fill func(w io.Writer) error, place func(temporary, path string) error,
) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("cannot write in the folder of %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write %s: %w", path, err)
			f.Close() // closing twice does no harm
			if e := os.Remove(f.Name()); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}()
	if err = fill(f); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return place(f.Name(), path)
}
