// Package regular reads files whose names come from elsewhere: regular ones alone, and no more of
// them than a bound.
package regular

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Open opens a file for reading. What is no regular file, such as a folder, a pipe or a device, is
// an error before it is opened: to open a pipe waits for a writer, and a device may have no end.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil {
		err = check(path, info)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// Read returns the contents of a regular file, if they have at most so many bytes. It takes memory
// for what there is, whatever the file system says of its size.
func Read(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return read(path, info, most, func() (fs.File, error) { return os.Open(path) })
}

// ReadFS is Read of a file in a file system.
func ReadFS(fsys fs.FS, name string, most int64) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	return read(name, info, most, func() (fs.File, error) { return fsys.Open(name) })
}

func read(
	path string, info fs.FileInfo, most int64, open func() (fs.File, error),
) ([]byte, error) {
	if err := check(path, info); err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, tooLong(path, info.Size(), most)
	}
	f, err := open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(f, most+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > most {
		return nil, tooLong(path, int64(b.Len()), most)
	}
	return b.Bytes(), nil
}

// check is an error for what is no regular file.
func check(path string, info fs.FileInfo) error {
	what := "a device or a socket"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		what = "a folder"
	case mode&fs.ModeNamedPipe != 0:
		what = "a pipe"
	}
	return &fs.PathError{Op: "open", Path: path,
		Err: fmt.Errorf("no regular file but %s; name a file", what)}
}

func tooLong(path string, size, most int64) error {
	return &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%d bytes, more than the %d that "+
		"are read; it is damaged, or another file than was meant", size, most)}
}
