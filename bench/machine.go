package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A clock is what the machine's processors did since it was started, in seconds.
type clock struct {
	at    time.Time
	busy  float64 // of all processors, by any program, or stolen by a hypervisor
	own   float64 // by the processes that were asked for
	steal float64
}

// ticks is the unit of /proc, USER_HZ, on all the machines that Go runs on under Linux.
const ticks = 100.

// readClock reads the times of the machine and of the given processes from /proc.
func readClock(processes []int) (clock, error) {
	c := clock{at: time.Now()}
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return c, fmt.Errorf("bench: the load of the machine is read from /proc, which only "+
			"Linux has: %w", err)
	}
	c.busy, c.steal, err = parseStat(b)
	if err != nil {
		return c, err
	}
	for _, p := range processes {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			return c, fmt.Errorf("bench: a side has ended: %w", err)
		}
		own, err := parseProcess(b)
		if err != nil {
			return c, err
		}
		c.own += own
	}
	return c, nil
}

// parseStat returns the busy and the stolen time of the first line of /proc/stat.
func parseStat(b []byte) (busy, steal float64, err error) {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, fmt.Errorf("bench: /proc/stat begins with %q", line)
	}
	for i, f := range fields[1:9] {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("bench: /proc/stat: %w", err)
		}
		if i == 7 {
			steal = v / ticks
		}
		if i != 3 && i != 4 { // idle, and waiting for disks
			busy += v / ticks
		}
	}
	return busy, steal, nil
}

// parseProcess returns the user and system time in /proc/PID/stat, whose second field is a name
// in brackets that may hold anything.
func parseProcess(b []byte) (float64, error) {
	i := bytes.LastIndexByte(b, ')')
	fields := strings.Fields(string(b[i+1:]))
	if i < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("bench: a process's stat is %q", b)
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	return (user + system) / ticks, errors.Join(err1, err2)
}

// others returns the part of the machine that other processes had between two clocks. It counts
// in ticks, so that two of them are no evidence.
func others(from, to clock) float64 {
	stolen := (to.busy - from.busy) - (to.own - from.own)
	if stolen <= 2/ticks {
		return 0
	}
	return stolen / (to.at.Sub(from.at).Seconds() * float64(runtime.NumCPU()))
}

// peak returns the largest memory that a process has had since resetPeak, in bytes.
func peak(process int) (float64, error) { return memoryOf(process, "VmHWM:") }

// resident returns the memory that a process has now.
func resident(process int) (float64, error) { return memoryOf(process, "VmRSS:") }

func memoryOf(process int, kind string) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	if err != nil {
		return 0, err
	}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), kind); ok {
			v, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return 1024 * v, err
		}
	}
	return 0, fmt.Errorf("bench: process %d does not tell its memory", process)
}

// resetPeak sets a process's peak to what it has now.
func resetPeak(process int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", process), []byte("5"), 0)
}

// processor returns the name of the processor and whether it has AVX-512.
func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	name, wide := runtime.GOARCH, ""
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		key, value, _ := strings.Cut(s.Text(), ":")
		switch strings.TrimSpace(key) {
		case "model name":
			name = strings.TrimSpace(value)
		case "flags":
			if strings.Contains(value, "avx512f") {
				wide = ", AVX-512"
			}
		}
	}
	return name + wide
}
