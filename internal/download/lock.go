//go:build darwin || linux

package download

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lock waits until no other process has the lock on a file, which it makes, and takes it. The lock
// ends with the process, however that ends. Where the file system knows no locks there is none;
// checksums then say what became of two processes at once.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("download: cannot write in the cache: %w", err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return func() { f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("download: interrupted while another process downloads the "+
				"same set: %w", context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
