// Command fetch downloads data sets into the cache: cifar-10, mnist, fashion-mnist and those of the
// JMLR collection.
//
//	go run ./data/fetch [-url address | -archive file] -all | set…
//
// It verifies every file, leaves sets that are there already as they are, goes on where a download
// of images was interrupted, and exits with status 1 when a set cannot be had.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/kernelsmith/kernelsmith/internal/download"
	"github.com/kernelsmith/kernelsmith/internal/imagesets"
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
				"into the cache: cifar-10, mnist, fashion-mnist, and those of the JMLR "+
				"collection; it says their names where it does not know one.\n")
		flags.PrintDefaults()
	}
	url := flags.String("url", "", "`address` of the archive, or of the folder of a set of "+
		"images, in place of those known (for the collection "+download.JMLRArchive+")")
	archive := flags.String("archive", "", "`file` with an archive downloaded before")
	all := flags.Bool("all", false, "all sets of the collection whose checksums are known")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
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
	images := slices.ContainsFunc(sets, func(s string) bool { return imagesets.Named(s) != nil })
	if *url+*archive != "" && images && len(sets) > 1 {
		fmt.Fprintf(stderr, "fetch: -url and -archive are for one set of images alone, or for "+
			"sets of the collection\n")
		return 2
	}
	results, err := bring(ctx, sets, func() *download.Settings {
		return &download.Settings{URL: *url, Archive: *archive, Progress: printer(stdout)}
	})
	for _, r := range results {
		if !r.New {
			fmt.Fprintf(stdout, "%s: already there, in %s\n", r.Set, r.Dir)
			continue
		}
		fmt.Fprintf(stdout, "%s: downloaded and verified, in %s\n", r.Set, r.Dir)
		if set := imagesets.Named(r.Set); set != nil {
			fmt.Fprintf(stdout, "  licence: %s\n  cite: %s\n", set.Licence, set.Citation)
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "fetch: %v\n", err)
		return 1
	}
	return 0
}

// bring downloads sets of both kinds, one kind also where the other cannot be had.
func bring(
	ctx context.Context, sets []string, settings func() *download.Settings,
) ([]download.Result, error) {
	var images, tables []string
	for _, name := range sets {
		if imagesets.Named(name) != nil {
			images = append(images, name)
		} else {
			tables = append(tables, name)
		}
	}
	results, err := download.Images(ctx, settings(), images...)
	if len(tables) > 0 {
		more, e := download.JMLR(ctx, settings(), tables...)
		results, err = append(results, more...), errors.Join(err, e)
	}
	return results, err
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
