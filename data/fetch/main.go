// Command fetch downloads data sets of the JMLR collection into the cache.
//
//	go run ./data/fetch [-url address | -archive file] -all | set…
//
// It verifies every file, leaves sets that are there already as they are, and
// exits with status 1 when a set cannot be had.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/kernelsmith/kernelsmith/internal/download"
	"github.com/kernelsmith/kernelsmith/internal/jmlr"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("fetch", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr,
			"usage: fetch [-url address | -archive file] -all | set…\n\nDownloads data sets "+
				"into the cache; it says their names where it does not know one.\n")
		flags.PrintDefaults()
	}
	url := flags.String("url", "", "`address` of the archive (default "+download.JMLRArchive+")")
	archive := flags.String("archive", "", "`file` with an archive downloaded before")
	all := flags.Bool("all", false, "all sets whose checksums are known")
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return 0
		}
		return 2
	}
	sets := flags.Args()
	if *all == (len(sets) > 0) {
		flags.Usage()
		return 2
	}
	if *all {
		sets = jmlr.Sets()
	}
	results, err := download.JMLR(
		ctx,
		&download.Settings{URL: *url, Archive: *archive, Progress: printer(stdout)},
		sets...)
	for _, r := range results {
		if r.New {
			fmt.Fprintf(stdout, "%s: downloaded and verified, in %s\n", r.Set, r.Dir)
		} else {
			fmt.Fprintf(stdout, "%s: already there, in %s\n", r.Set, r.Dir)
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "fetch: %v\n", err)
		return 1
	}
	return 0
}

// printer prints a line whenever another tenth of the archive has arrived, or
// another 10 MB when its size is not known.
func printer(w io.Writer) func(download.Progress) {
	const mega = 1e6
	next := int64(0)
	return func(p download.Progress) {
		step := int64(10 * mega)
		if p.Total > 0 {
			step = max(p.Total/10, 1)
		}
		if p.Bytes < next && p.Done < p.Sets {
			return
		}
		next = (p.Bytes/step + 1) * step
		if p.Total > 0 {
			fmt.Fprintf(w, "read %.1f of %.1f MB, %d of %d sets complete\n", float64(p.Bytes)/mega,
				float64(p.Total)/mega, p.Done, p.Sets)
		} else {
			fmt.Fprintf(w, "read %.1f MB, %d of %d sets complete\n", float64(p.Bytes)/mega, p.Done,
				p.Sets)
		}
	}
}
