"""Runs the notebooks many times and looks for what goes missing or is left behind.

    stress.py [--scale SCALE] [--repeat N] [--fresh N] [NOTEBOOK…]

First N times from nothing (--fresh), each without the records of runs at this scale, then N times with the records kept
(--repeat). Each run is checked as by run.py check; after it no process may be left, no temporary file and no new file in the
checkout. The exit status is 1 if something was wrong.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
FOLDER = CHECKOUT / "notebooks"
# What runs make on purpose, and make clean removes.
MADE = ("build/", "notebooks/records/quick/", ".venv", ".cache")
PATIENCE = 20  # seconds in which what was started must have ended


def files():
    """The files of the checkout that git does not have, without what runs make on purpose."""
    listed = subprocess.run(
        ["git", "ls-files", "--others", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    return {name for name in listed if name and not name.startswith(MADE)}


def processes(folder, proc=Path("/proc")):
    """The processes whose folder for temporary files is this one or in it, a line each; none where there is no /proc."""
    found = []
    for entry in proc.glob("[0-9]*"):
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # ended meanwhile, or another user's
        if any(variable.startswith(b"TMPDIR=" + os.fsencode(folder)) for variable in variables):
            found.append(f"{entry.name} {command[:120]}")
    return found


def within(seconds, ask):
    """What ask returns once that is empty, or after so many seconds."""
    end = time.monotonic() + seconds
    while (answer := ask()) and time.monotonic() < end:
        time.sleep(0.2)
    return answer


def left_behind(command, patience=PATIENCE):
    """Runs the command; returns its exit status and what it left behind, a line each."""
    before = files()
    with tempfile.TemporaryDirectory(prefix="kernelsmith-stress-") as folder:
        status = subprocess.run(command, env={**os.environ, "TMPDIR": folder}, check=False).returncode
        found = [f"a process is left: {line}" for line in within(patience, lambda: processes(folder))]
        found += [f"a temporary file is left: {path.name}" for path in within(patience, lambda: sorted(Path(folder).iterdir()))]
    return status, found + [f"a file is left: {name}" for name in sorted(files() - before)]


def main():
    parser = argparse.ArgumentParser(description="Runs the notebooks many times.")
    parser.add_argument("--scale", choices=("quick", "paper"), default="quick")
    parser.add_argument("--repeat", type=int, default=1, metavar="N")
    parser.add_argument("--fresh", type=int, default=1, metavar="N")
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK")
    arguments = parser.parse_args()
    if arguments.repeat <= 0 and arguments.fresh <= 0:
        parser.error("no execution was asked for: --repeat or --fresh must be above 0 (make: REPEAT, FRESH)")
    if arguments.scale == "paper" and arguments.fresh:
        parser.error("--fresh at the scale paper would train for hours and remove committed records: add --fresh 0 (make: FRESH=0)")
    if not Path("/proc/self/environ").exists():
        print("There is no /proc here: processes that are left are not looked for.", file=sys.stderr)
    check = [sys.executable, "-B", HERE / "run.py", "check", "--scale", arguments.scale]
    runs = [("from nothing", 1)] * arguments.fresh + [("with records kept", arguments.repeat)] * (arguments.repeat > 0)
    wrong = []
    for number, (kind, repeat) in enumerate(runs, 1):
        print(f"run {number} of {len(runs)}: {kind}, {repeat} times", flush=True)
        if kind == "from nothing":
            shutil.rmtree(FOLDER / "records/quick", ignore_errors=True)
        status, found = left_behind([*check, "--repeat", str(repeat), *arguments.notebooks])
        if status == 130:
            return status
        wrong += [f"run {number}, {kind}: {line}" for line in ([f"exit status {status}"] if status else []) + found]
    for line in wrong:
        print(line, file=sys.stderr)
    print("nothing is missing, nothing is left behind" if not wrong else f"{len(wrong)} things were wrong", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
