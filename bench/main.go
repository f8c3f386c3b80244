package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run is the command: one side of the measurement, or all of it.
func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 1 && arguments[0] == "side" {
		return plainSide.serve(ctx, os.Stdin, os.Stdout)
	}
	if len(arguments) == 1 && arguments[0] == "device" {
		return deviceSide.serve(ctx, os.Stdin, os.Stdout)
	}
	b := &bench{settings: settings{log: os.Stderr}, sides: map[string]*side{}}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	pattern := f.String("rows", ".", "measure the rows whose names match this `expression`")
	list := f.Bool("list", false, "list the rows and end")
	again := f.Bool("again", false, "measure rows that the results have already")
	f.StringVar(&b.folder, "folder", ".cache/bench", "the peers' environments, inputs and logs")
	f.StringVar(&b.out, "out", "bench/results.json", "the `file` of results")
	f.BoolVar(&b.device, "device", false, "the rows of a device, into a table on the standard "+
		"output; give them an -out of their own")
	pages := f.String("page", "docs/side-by-side.md", "the `file` of the page; \"\" for none")
	only := f.Bool("only-page", false, "write the page of the results that there are and end")
	f.Float64Var(&b.least, "least", 0.3, "least `seconds` of a repetition")
	f.IntVar(&b.repetitions, "repetitions", 3, "repetitions of each side, undisturbed")
	f.DurationVar(&b.wait, "wait", 30*time.Minute, "how long to wait for a quiet machine")
	f.DurationVar(&b.limit, "limit", 10*time.Minute, "how long a side may take for one answer")
	without := f.String("without", "", "leave peers out, `names` with semicolons between them")
	f.BoolVar(&b.anyLoad, "any-load", false, "do not wait, and keep what was disturbed (for a try)")
	f.BoolVar(&b.small, "small", false, "a twentieth of the points (for a try)")
	if err := f.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	chosen, err := regexp.Compile(*pattern)
	if err != nil {
		return fmt.Errorf("bench: -rows: %w", err)
	}
	if f.NArg() > 0 || b.repetitions < 1 || b.least < 0 {
		return fmt.Errorf("bench: arguments that are no flags, fewer than one repetition or a " +
			"negative time; -help lists the flags")
	}
	for _, name := range strings.Split(*without, ";") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !slices.Contains(b.peers(), name) {
			return fmt.Errorf("bench: -without: there is no peer %q; they are %q", name, b.peers())
		}
		b.without = append(b.without, name)
	}
	size := sizes{small: b.small, memory: 1e9 * thisMachine().MemoryGB}
	rows, growing := deviceRows(size), []growing(nil)
	if !b.device {
		rows, growing = allRows(size), allGrowing(size)
	}
	if *list {
		for _, r := range rows {
			fmt.Printf("%-32s %s\n", r.ID, r.Title)
		}
		for _, g := range growing {
			fmt.Printf("growth-%-25s %s: %s\n", g.ID, g.Title, g.Size)
		}
		return nil
	}
	if !*only {
		if err := b.all(ctx, rows, growing, chosen.MatchString, *again); err != nil {
			return err
		}
	}
	if *pages == "" {
		return nil
	}
	have, err := loadResults(b.out)
	if err != nil {
		return err
	}
	if b.device {
		return writeDevices(os.Stdout, have)
	}
	return writePage(have, *pages)
}

// all measures the rows that are chosen and not in the results yet, and writes these after each.
func (b *bench) all(
	ctx context.Context, rows []*row, growing []growing, chosen func(id string) bool, again bool,
) error {
	have, err := b.resume(thisMachine())
	if err != nil {
		return err
	}
	defer b.closeAll()
	have.Rows = slices.DeleteFunc(have.Rows, func(m *measured) bool { // no longer in the table
		return !slices.ContainsFunc(rows, func(r *row) bool { return r.ID == m.ID })
	})
	var due []*row
	for _, r := range rows {
		if chosen(r.ID) && (again || b.due(r, have.find(r.ID))) {
			due = append(due, r)
		}
	}
	if err := b.startFor(ctx, due, have); err != nil {
		return err
	}
	for i, r := range due {
		fmt.Fprintf(b.log, "%d/%d %s:", i+1, len(due), r.ID)
		m, err := b.measure(ctx, r)
		if err != nil {
			return err
		}
		have.Machine.Date = time.Now().UTC().Format("2006-01-02")
		have.put(m, rows)
		if err := have.save(b.out); err != nil {
			return err
		}
		fmt.Fprintln(b.log, m)
	}
	return b.growths(ctx, have, growing, chosen, again)
}

// resume returns the results to go on with. Those of another machine are put aside, since one page
// is of one machine.
func (b *bench) resume(on machine) (*results, error) {
	have, err := loadResults(b.out)
	if err != nil {
		return nil, err
	}
	if len(have.Rows) > 0 && !have.Machine.like(on) {
		aside := b.out + ".old"
		if err := os.Rename(b.out, aside); err != nil {
			return nil, err
		}
		fmt.Fprintf(b.log, "the results in %s are of another machine, %s: they are in %s now, "+
			"and all is measured anew\n", b.out, have.Machine.Processor, aside)
		have = &results{Format: have.Format}
	}
	on.Date = have.Machine.Date
	have.Machine = on
	return have, nil
}

// due says whether a row has to be measured, again where a side had an error or was left out.
func (b *bench) due(r *row, old *measured) bool {
	return old == nil || old.Key != r.key() || old.Small != b.small ||
		slices.ContainsFunc(old.Sides, func(t *timing) bool {
			return t.Error != "" || t.Lacks == leftOut && !slices.Contains(b.without, t.Side)
		})
}

// growths measures how cost grows, what is chosen and not there yet.
func (b *bench) growths(
	ctx context.Context, have *results, all []growing, chosen func(id string) bool, again bool,
) error {
	for i := range all {
		g := &all[i]
		place := slices.IndexFunc(have.Growth, func(o *growth) bool { return o.ID == g.ID })
		if !chosen("growth-"+g.ID) ||
			!again && place >= 0 && have.Growth[place].same(&g.growth) {
			continue
		}
		if b.sides[kernelsmith] == nil {
			var err error
			if b.sides[kernelsmith], err = b.start(ctx, kernelsmith); err != nil {
				return err
			}
		}
		fmt.Fprintf(b.log, "growth-%s:", g.ID)
		result, err := b.grow(ctx, g)
		if err != nil {
			return err
		}
		fmt.Fprintln(b.log, result)
		if place >= 0 {
			have.Growth[place] = result
		} else {
			have.Growth = append(have.Growth, result)
		}
		if err := have.save(b.out); err != nil {
			return err
		}
	}
	return have.save(b.out)
}

// startFor starts the sides that the rows need, and measures the limits of those without any yet.
func (b *bench) startFor(ctx context.Context, due []*row, have *results) error {
	for _, name := range append([]string{kernelsmith}, b.peers()...) {
		needed := !slices.Contains(b.without, name) &&
			slices.ContainsFunc(due, func(r *row) bool { return slices.Contains(r.Peers, name) })
		// NumPy's side has the products of Kernelsmith's BLAS, too.
		if len(due) == 0 || !needed && name != kernelsmith && name != scientific {
			continue
		}
		var err error
		if b.sides[name], err = b.start(ctx, name); err != nil {
			return err
		}
		r, err := b.sides[name].ask(ctx, request{Do: "about"}, b.limit)
		if err != nil {
			return err
		}
		a := about{Name: name, Versions: r.Versions, Threads: r.Threads}
		if err := have.setSide(a); err != nil {
			return fmt.Errorf("bench: %s: %w; give another -out, or remove the file", b.out, err)
		}
	}
	if b.device {
		return have.onOneDevice()
	}
	for name := range b.sides {
		if slices.ContainsFunc(have.Limits, func(l limit) bool { return l.Side == name }) {
			continue
		}
		limits, err := b.limitsOf(ctx, name)
		if err != nil {
			return err
		}
		have.Limits = append(have.Limits, limits...)
	}
	return nil
}

// peers are those of the table.
func (b *bench) peers() []string {
	if b.device {
		return devicePeers
	}
	return peers
}

// onOneDevice reports a JAX that computes elsewhere than the plugin.
func (r *results) onOneDevice() error {
	on := map[string]string{}
	for _, s := range r.Sides {
		on[s.Name] = s.Versions[deviceKey]
	}
	if ours, theirs := on[onDevice], on[jaxOnDevice]; !strings.Contains(ours, theirs) {
		return fmt.Errorf("bench: the plugin is on %s and JAX on %s: JAX in .cache/bench is for "+
			"NVIDIA's GPUs, and for the CPU where KERNELSMITH_PJRT names a plugin; -without %q "+
			"leaves it out", ours, theirs, jaxOnDevice)
	}
	return nil
}

// String is the row's result in a line.
func (m *measured) String() string {
	var s strings.Builder
	for _, t := range m.Sides {
		switch {
		case t.Lacks != "":
			fmt.Fprintf(&s, "  %s: %s", t.Side, t.Lacks)
		case t.Error != "":
			fmt.Fprintf(&s, "  %s: error: %s", t.Side, t.Error)
		default:
			fmt.Fprintf(&s, "  %s %.4g %s (%.0f MB)", t.Side, t.Median, m.Unit, t.PeakMB)
		}
	}
	return s.String()
}

// setSide notes what a side says of itself, which is to be what it said before.
func (r *results) setSide(a about) error {
	for i := range r.Sides {
		if old := &r.Sides[i]; old.Name == a.Name {
			if !maps.Equal(old.Versions, a.Versions) || old.Threads != a.Threads {
				return fmt.Errorf("the results have rows of %s by %s, %d threads, and this is %s, "+
					"%d threads", a.Name, versions(*old), old.Threads, versions(a), a.Threads)
			}
			return nil
		}
	}
	r.Sides = append(r.Sides, a)
	return nil
}

// start starts a side: this program, or a peer's with its own Python.
func (b *bench) start(ctx context.Context, name string) (*side, error) {
	logs := filepath.Join(b.folder, "logs")
	if name == kernelsmith || name == onDevice {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		if name == onDevice {
			return startSide("device", logs, self, "device")
		}
		return startSide("kernelsmith", logs, self, "side")
	}
	jax := "jax-cuda" // as the Makefile has it
	if os.Getenv("KERNELSMITH_PJRT") != "" {
		jax = "jax"
	}
	peer := map[string][2]string{
		neuralTangents: {"neural-tangents", "neural_tangents_side.py"},
		scientific:     {"scipy", "scipy_side.py"},
		pytorch:        {"torch", "torch_side.py"},
		jaxOnDevice:    {jax, "jax_side.py"},
	}[name]
	python := filepath.Join(b.folder, peer[0], "bin", "python")
	if _, err := os.Stat(python); err != nil {
		return nil, fmt.Errorf("bench: the environment of %s is not there: \"make bench-peers\" "+
			"makes it, or \"make bench-gpu\": %w", name, err)
	}
	return startSide(peer[0], logs, python, filepath.Join("bench", "peers", peer[1]))
}

func (b *bench) closeAll() {
	for _, s := range b.sides {
		if s != nil {
			s.close()
		}
	}
}

// like says whether another description may be of the same machine.
func (m machine) like(other machine) bool {
	return m.Processor == other.Processor && m.Processors == other.Processors &&
		math.Abs(m.MemoryGB-other.MemoryGB) < 0.1*m.MemoryGB
}

// thisMachine describes the machine that the program runs on.
func thisMachine() machine {
	m := machine{Processor: processor(), Processors: runtime.NumCPU()}
	m.System = runtime.GOOS + "/" + runtime.GOARCH
	if out, err := exec.Command("uname", "-sr").Output(); err == nil {
		m.System = strings.TrimSpace(string(out)) + ", " + runtime.GOARCH
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kilobytes float64
		if _, err := fmt.Sscanf(string(b), "MemTotal: %f kB", &kilobytes); err == nil {
			m.MemoryGB = kilobytes * 1024 / 1e9
		}
	}
	return m
}
