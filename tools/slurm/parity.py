"""Makes the runs of notebook 05's table here and on Slurm, where workers are killed at random, and compares the records.

    tools/slurm/cluster tools/env .venv/bin/python tools/slurm/parity.py [--trials 30] [--studied 1] [--epochs 400] [--kills 20]

The program is the notebook's own cells, with so many trials of each net, so many of them with their kernels before and
after, and so many epochs at most. With portable arithmetic the records must be the same: names, and contents but for the
seconds that a run took, the number of threads, and the checksum over these.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tools/notebooks"))
sys.dont_write_bytecode = True

from cells import Cell, package_name  # noqa: E402

NOTEBOOK = CHECKOUT / "notebooks/05-parity.ipynb"


def program(trials, studied, epochs):
    """The cells that declare, and the first one that asks for the runs of the table, as a Go program."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [Cell(i, cell.source) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    asks = next(i for i, cell in enumerate(cells) if "traces(k, 128, trialsOf(k))" in cell.body)
    cells = cells[: asks + 1]
    text = "\n".join(cell.declarations for cell in cells)
    text += "\nfunc main() {\n" + cells[asks].body + "\n}\n"
    for old, new in (
        (r"trials\s+= study.AtScale\(page, 30, 3\)", f"trials = study.AtScale(page, 30, {trials})"),
        (r"deepTrials\s*= study.AtScale\(page, 30, 1\)", f"deepTrials = study.AtScale(page, 30, {trials})"),
        (r"studied\s*= study.AtScale\(page, 5, 1\)", f"studied = study.AtScale(page, 5, {studied})"),
        (r"0\.01, 100, \.668", "0.01, min(100, shortest), .668"),
        (r"shortest\s*= study.AtScale\(page, math.MaxInt, 400\)", f"shortest = study.AtScale(page, math.MaxInt, {epochs})"),
    ):
        text, found = re.subn(old, new, text)
        if not found:
            raise SystemExit(f"Notebook 05 has no {old} any more; change tools/slurm/parity.py with it.")
    imports = {(name, path) for cell in cells for _, name, path, _ in cell.imports}
    used = sorted(path for name, path in imports if re.search(rf"\b{package_name(name, path)}\.", text))
    return "package main\n\nimport (\n" + "".join(f'\t"{path}"\n' for path in used) + ")\n\n" + text


def contents(folder):
    """What the records hold, by name, but for what may differ: seconds, threads, checksums."""
    found = {}
    for path in sorted(folder.glob("records/quick/05/*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        del record["sha256"]
        text = json.dumps(record)
        text = re.sub(r'"Seconds": [-+.\de]+', '"Seconds": 0', text)
        found[path.name] = re.sub(r"\(portable Go\), \d+ threads?", "(portable Go)", text)
    return found


def workers(folder):
    """The processes that make records in the folder."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "exe").startswith(f"{folder}/"):
                variables = (process / "environ").read_bytes()
                if b"\0KERNELSMITH_TASK=" in variables:
                    yield int(process.name)
        except OSError:
            pass


def kill(folder, wanted, killed, stop):
    """Kills workers at random, one of several now and then, until so many are dead."""
    draw = random.Random(1)
    while len(killed) < wanted and not stop.wait(draw.uniform(0.2, 2)):
        running = list(workers(folder))
        if len(running) > 1:
            victim = draw.choice(running)
            try:
                os.kill(victim, 9)
                killed.append(victim)
            except ProcessLookupError:
                pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=30, help="of each of the three nets")
    parser.add_argument("--studied", type=int, default=1, help="of these, with kernels")
    parser.add_argument("--epochs", type=int, default=400, help="at most")
    parser.add_argument("--kills", type=int, default=20, help="workers to kill")
    arguments = parser.parse_args()
    if "CLUSTER" not in os.environ:
        raise SystemExit("This runs on a Slurm of its own: tools/slurm/cluster tools/env .venv/bin/python tools/slurm/parity.py")

    base = Path(tempfile.mkdtemp(prefix="parity.", dir=os.environ["CLUSTER"])).resolve()
    here, there = base / "here", base / "there"
    here.mkdir()
    there.mkdir()
    source = base / "main.go"
    source.write_text(program(arguments.trials, arguments.studied, arguments.epochs), encoding="utf-8")
    subprocess.run(["go", "build", "-o", base / "parity", source], cwd=CHECKOUT, check=True)
    environment = os.environ | {"KERNELSMITH_OPENBLAS": "off", "KERNELSMITH_SCALE": "quick", "KERNELSMITH_ENGINE": ""}

    start = time.monotonic()
    subprocess.run([base / "parity"], cwd=here, env=environment, check=True)
    expected = contents(here)
    print(f"here: {len(expected)} records in {time.monotonic() - start:.0f} s", flush=True)

    start, calls, killed, stop = time.monotonic(), 0, [], threading.Event()
    killer = threading.Thread(target=kill, args=(there, arguments.kills, killed, stop))
    killer.start()
    try:
        for calls in range(1, 10 * arguments.kills + 10):
            slurm = environment | {"KERNELSMITH_ENGINE": "slurm"}
            run = subprocess.run([base / "parity"], cwd=there, env=slurm, capture_output=True, text=True)
            if run.returncode == 0:
                break
            if "failed on Slurm" not in run.stderr:
                raise SystemExit(run.stderr)
    finally:
        stop.set()
        killer.join()
    got = contents(there)
    seconds = time.monotonic() - start
    print(f"on Slurm: {len(got)} records in {seconds:.0f} s, {len(killed)} workers killed, {calls} calls", flush=True)

    files = {path: path.stat().st_mtime_ns for path in there.rglob("*.json")}
    subprocess.run([base / "parity"], cwd=there, env=environment, check=True)
    wrong = [name for name in expected.keys() | got.keys() if expected.get(name) != got.get(name)]
    if wrong:
        raise SystemExit(f"{len(wrong)} records differ, among them {sorted(wrong)[0]}")
    if {path: path.stat().st_mtime_ns for path in there.rglob("*.json")} != files:
        raise SystemExit("the notebook's cell made records anew that were there")
    if len(killed) < arguments.kills:
        raise SystemExit(f"only {len(killed)} of {arguments.kills} workers were killed: there was not enough to do")
    left = [str(path.relative_to(there)) for path in there.rglob("*") if "sweeps" in path.parts or "checkpoints" in path.parts]
    if left:
        raise SystemExit(f"this was left behind: {left}")
    print(f"the same {len(got)} records, which the notebook's cell loads", flush=True)


if __name__ == "__main__":
    main()
