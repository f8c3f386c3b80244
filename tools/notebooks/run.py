"""Executes the notebooks with the Go kernel: for the report, for committing, for the check.

    run.py report  [--scale SCALE] [--pdf] [--jobs N] [NOTEBOOK…]
                                                             execute copies of those that changed, N at a time, publish them
                                                             as report/; at the scale "committed", publish them as they are
    run.py copy    [--scale SCALE] [NOTEBOOK…]              execute copies into build/
    run.py execute [--scale SCALE] [NOTEBOOK…]              execute in place
    run.py check   [--scale SCALE] [--repeat N] [NOTEBOOK…]  execute copies, check their outputs

A NOTEBOOK is named by its file, with or without folder and suffix, or by its number alone; all are run by default.
The cells find the scale in the environment variable KERNELSMITH_SCALE. The exit status is 1 if a notebook failed and
130 after an interrupt; what was executed until then is kept.
"""

import argparse
import concurrent.futures
import datetime
import functools
import hashlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from check import code_cells, pictures, plain, problems
from lint import versions

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
FOLDER = CHECKOUT / "notebooks"
BUILD = CHECKOUT / "build"
REPORT = CHECKOUT / "report"
# What the project calls the kernel; version numbers of the machine that ran a notebook have no place in it.
KERNEL = {"name": "gonb", "display_name": "Go (Kernelsmith)", "language": "go"}
LANGUAGE = {"name": "go", "file_extension": ".go", "mimetype": "text/x-go", "pygments_lexer": "go"}
# What a notebook says of itself, in its metadata under "kernelsmith"; a run adds how it was made.
KEPT = ("title", "claim", "group", "picture", "panel", "number", "of", "seeds")
VOLATILE = ("execution", "ExecuteTime", "collapsed", "scrolled", "trusted")


class Failure(Exception):
    """Why a notebook did not run to its end; the message is for the user."""


class Progress:
    """Says on standard output which cell runs and for how long."""

    def __init__(self, name, total):
        self._name, self._total = name, total
        self._live = sys.stdout.isatty()
        self._ended = threading.Event()
        self._ticker = None

    def begin(self, number):
        self._number, self._start = number, time.monotonic()
        self._ended.clear()
        # A terminal counts the seconds; a log hears once a minute that it goes on.
        self._ticker = threading.Thread(target=self._tick, args=(1 if self._live else 60,), daemon=True)
        self._ticker.start()

    def end(self, word="done"):
        """Ends the line of the cell."""
        if self._ticker is None:
            return
        self._ended.set()
        self._ticker.join()
        self._ticker = None
        self._say(word, "\n")

    def _tick(self, period):
        if self._live:
            self._say("…", "")
        while not self._ended.wait(period):
            self._say("…", "" if self._live else "\n")

    def _say(self, word, end):
        line = f"  {self._name}  cell {self._number} of {self._total}  {_seconds(time.monotonic() - self._start)}  {word}"
        print(("\r\x1b[K" if self._live else "") + line, end=end, flush=True)


def run(path, scale):
    """Executes the notebook at path; returns it with its outputs, and a Failure or None."""
    try:
        notebook = nbformat.read(path, as_version=4)
        cells = code_cells(notebook)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise SystemExit(
            f"{path} is not a notebook ({type(error).__name__}: {str(error).splitlines()[0][:100] if str(error) else ''}). "
            "Restore it (git checkout) or remove it."
        ) from error
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        kernel_name=KERNEL["name"],
        # Plain text errors instead of HTML.
        extra_arguments=["-raw_error"],
        resources={"metadata": {"path": str(FOLDER)}},
        timeout=None,
        iopub_timeout=60,
        raise_on_iopub_timeout=True,
        coalesce_streams=True,
        record_timing=False,
    )
    os.environ["KERNELSMITH_SCALE"] = scale
    descriptor, loaded = tempfile.mkstemp(prefix="loaded")
    os.close(descriptor)
    os.environ["KERNELSMITH_LOADED"] = loaded
    kept = _kept(notebook)
    progress = Progress(path.stem, len(cells))
    start, number, failure = time.monotonic(), 0, None
    try:
        with client.setup_kernel():
            for index, cell in enumerate(notebook.cells):
                if cell.cell_type != "code" or not cell.source.strip():
                    continue
                number += 1
                progress.begin(number)
                client.execute_cell(cell, index, execution_count=number)
                progress.end()
    except NoSuchKernel as error:
        raise SystemExit("The Go kernel is not set up: run make setup.") from error
    except CellExecutionError:
        failure = Failure(_cell_failure(path, number, cells[number - 1]))
    except DeadKernelError:
        failure = Failure(f"{path.name}, cell {number} of {len(cells)}: the kernel died while it ran")
    except KeyboardInterrupt:
        progress.end("interrupted")
        raise
    finally:
        progress.end("failed")
        data = _loaded(loaded)
    _normalise(notebook)
    notebook.metadata["kernelsmith"] = kept | _provenance(scale, time.monotonic() - start)
    if data:
        notebook.metadata["kernelsmith"]["data"] = data
    if failure:
        notebook.metadata["kernelsmith"]["failed"] = f"cell {number} of {len(cells)}"
    return notebook, failure


def _kept(notebook):
    found = notebook.metadata.get("kernelsmith", {})
    return {name: found[name] for name in KEPT if found.get(name)}


def _cell_failure(path, number, cell):
    """What the cell and the kernel said of the error, below the cell's first line of code."""
    said = []
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stderr":
            said.append(output.text)
        elif output.output_type == "error" and output.evalue.strip() not in "".join(said):
            said.append("\n".join(output.traceback) or output.evalue)
    # The first line of a compiler's message names the kernel's temporary package.
    text = re.sub(r"^# gonb_\w+\n", "", plain("\n".join(said)), flags=re.MULTILINE)
    lines = re.sub(r"\n{3,}", "\n\n", text).strip("\n").splitlines()
    runs = re.split(r"^%%.*$", cell.source, flags=re.MULTILINE)[-1].strip() or cell.source.strip()
    return f"{path.name}, cell {number} ({runs.splitlines()[0][:60]}):\n" + _indent(lines[-60:])


def _indent(lines):
    return "\n".join(f"    {line}".rstrip() for line in lines)


def _normalise(notebook):
    """Leaves in the notebook what depends on its source and the results, so that a second run changes little."""
    cells = code_cells(notebook)
    for number, (cell, version) in enumerate(zip(cells, versions(cells), strict=True), 1):
        cell.metadata.pop("kernelsmith", None)
        if cell.execution_count is not None:
            cell.execution_count = number
            cell.metadata["kernelsmith"] = {"version": version}
    for cell in notebook.cells:
        for key in VOLATILE:
            cell.metadata.pop(key, None)
        for output in cell.get("outputs", []):
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})


def _loaded(path):
    """The data sets that the cells used, as internal/loaded noted them in the file, which is removed."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    os.unlink(path)
    found = {}
    for line in sorted(set(lines)):
        name, licence, *stands_for = line.split("\t")
        # A set that stands for another was loaded by its own name before.
        one = found.setdefault((name, licence), {"name": name, "licence": licence})
        if stands_for:
            one["stands_for"] = one.get("stands_for", []) + stands_for
    return list(found.values())


@functools.cache
def _cpu():
    """The processor and how many of its cores there are."""
    name = ""
    if platform.system() == "Darwin":
        name = _output("sysctl", "-n", "machdep.cpu.brand_string")
    else:
        try:
            found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
            name = found[1] if found else ""
        except OSError:
            pass
    return f"{name or platform.machine()}, {os.cpu_count()} cores"


@functools.cache
def _blas():
    return _output("go", "run", "./internal/about")


def _commit():
    """The commit that is checked out, and whether anything differs but what executing notebooks writes."""
    commit = _output("git", "rev-parse", "--short", "HEAD")
    written = (":(exclude)notebooks/*.ipynb", ":(exclude)notebooks/records")
    if commit and _output("git", "status", "--porcelain", "--", ".", *written):
        commit += " with local changes"
    return commit


def _provenance(scale, seconds):
    go = _output("go", "env", "GOVERSION", "GOOS", "GOARCH").split()
    return {
        "scale": scale,
        "date": datetime.date.today().isoformat(),
        "duration": _seconds(seconds),
        "commit": _commit(),
        "go": f"{go[0]} on {go[1]}/{go[2]}",
        "cpu": _cpu(),
        "blas": _blas(),
    }


def _output(*command):
    """What the command prints; nothing if it fails."""
    result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else ""


def _seconds(seconds):
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def _write(notebook, path):
    _write_text(nbformat.writes(notebook) + "\n", path)


def _write_text(text, path):
    """Writes the text under a temporary name, then puts it in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=path.stem, suffix=".new", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _select(names):
    """The notebooks with these names, all if there are none."""
    every = sorted(FOLDER.glob("[0-9]*.ipynb"))
    if not every:
        raise SystemExit(f"There is no notebook to run: {FOLDER} has no file named like 01-title.ipynb.")
    if not names:
        return every
    chosen = []
    for name in names:
        stem = Path(name).name.removesuffix(".ipynb")
        found = [path for path in every if path.stem == stem or path.stem.startswith(stem + "-")]
        if not found:
            raise SystemExit(f"There is no notebook {name}. There are: {', '.join(path.stem for path in every)}.")
        chosen += [path for path in found if path not in chosen]
    return sorted(chosen)


def _run_all(paths, scale, destination):
    """Executes the notebooks, writing each to destination(path) when it is done; returns those and the failures.

    A copy is written whatever became of it, an original only if all its cells ran.
    """
    executed, failures = [], []
    for number, path in enumerate(paths, 1):
        print(f"{path.stem} ({number} of {len(paths)}, {scale} scale)", flush=True)
        notebook, failure = run(path, scale)
        target = destination(path)
        if failure:
            failures.append(failure)
            print(f"\n{failure}\n", file=sys.stderr, flush=True)
        if not failure or target != path:
            _write(notebook, target)
            executed.append((target, notebook))
    return executed, failures


@functools.cache
def _library():
    """A checksum of all but its own cells that a notebook's results are made of: library, arithmetic, kernel, data files."""
    kernel = [CHECKOUT / "tools/go.sum", CHECKOUT / "tools/gonb.patch", CHECKOUT / "tools/gonb/explain.go", *HERE.glob("kernel/*")]
    files = [*_importable(), CHECKOUT / "go.mod", CHECKOUT / "go.sum", *kernel]
    for variable in ("KERNELSMITH_DATA", "KERNELSMITH_CACHE"):
        if os.environ.get(variable):
            # the sets that notebooks use, in the layout of their downloads
            for folder in ("jmlr", "mnist", "fashion-mnist", "cifar-10-batches-bin"):
                files += [path for path in Path(os.environ[variable]).glob(folder + "/**/*") if path.is_file()]
    # The variable decides on more than the library for matrix products.
    arithmetic = [_output("go", "env", "GOVERSION"), os.environ.get("KERNELSMITH_OPENBLAS", ""), _blas()]
    found = hashlib.sha256(json.dumps(arithmetic).encode())
    for path in sorted(files):
        found.update(str(path).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _importable():
    """The files that the packages of the checkout are built from here: Go, assembly, embedded."""
    kinds = ("GoFiles", "CgoFiles", "SFiles", "HFiles", "EmbedFiles")
    # With -e, for a package that does not build and is none of the notebooks'.
    listed = _output("go", "list", "-e", f"-json=Dir,Name,{','.join(kinds)}", "./...")
    if not listed:
        raise RuntimeError("Go does not list the packages of the checkout; \"tools/env go list ./...\" says why")
    packages = json.loads("[" + listed.replace("\n}\n{", "\n},\n{") + "]")
    # Commands cannot be imported.
    return [Path(one["Dir"], name) for one in packages if one.get("Name") != "main" for kind in kinds for name in one.get(kind, [])]


def _key(path, scale):
    """A checksum of what an executed copy is made from: a notebook with the same is not run again."""
    found = hashlib.sha256(f"{scale}\0{_library()}\0".encode())
    notebook = nbformat.read(path, as_version=4)
    found.update(json.dumps([_kept(notebook), *([cell.cell_type, cell.source] for cell in notebook.cells)]).encode())
    return found.hexdigest()


def _run_apart(paths, scale, jobs):
    """Executes copies of the notebooks in processes of their own, several at a time; returns the failures."""
    processes, failures = [], []
    stopped = threading.Event()

    def one(path):
        if stopped.is_set():
            return
        command = [sys.executable, __file__, "copy", "--scale", scale, path.stem]
        # In a session of its own, so that an interrupt at the terminal reaches it once, from here.
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
            processes.append(process)
            if stopped.is_set():  # while it was started
                process.terminate()
            for line in process.stdout:
                print(line, end="", flush=True)
        if process.returncode != 0:
            failures.append(Failure(f"{path.name}: see above"))

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            for future in [pool.submit(one, path) for path in paths]:
                future.result()
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                if process.poll() is None:
                    process.terminate()
            raise
    return failures


def copy(arguments):
    """Executes copies into the folder of the scale, and notes what each was made from if nothing is wrong with it."""
    failures = []
    for path in arguments.paths:
        note = BUILD / arguments.scale / f"{path.stem}.key"
        note.unlink(missing_ok=True)
        key = _key(path, arguments.scale)
        executed, failed = _run_all([path], arguments.scale, lambda path: BUILD / arguments.scale / path.name)
        failures += failed
        found = [] if failed else problems(executed[0][1])
        if found:
            failures.append(Failure(f"{path.name}:\n{_indent(found)}"))
            print(failures[-1], file=sys.stderr, flush=True)
        elif not failed:
            _write_text(key, note)
    return failures


def report(arguments):
    # Imported here: only the report needs Sphinx's part of the environment.
    from publish import publish

    failures, copies = [], arguments.paths
    if arguments.scale != "committed":
        folder = BUILD / arguments.scale
        changed = [path for path in arguments.paths if not _unchanged(path, arguments.scale)]
        for path in arguments.paths:
            if path not in changed:
                print(f"{path.stem}: unchanged since it was executed", flush=True)
        if len(changed) > 1 and arguments.jobs > 1:
            failures = _run_apart(changed, arguments.scale, arguments.jobs)
        else:
            arguments.paths = changed
            failures = copy(arguments)
        # Pages of notebooks that were not asked for stay as an earlier run made them.
        copies = [folder / path.name for path in _select([]) if (folder / path.name).exists()]
    print("writing the pages", flush=True)
    publish(copies, REPORT, BUILD, arguments.pdf)
    print(f"The report is {REPORT / 'index.html'}", flush=True)
    return failures


def _unchanged(path, scale):
    note = BUILD / scale / f"{path.stem}.key"
    executed = BUILD / scale / path.name
    return executed.exists() and note.exists() and note.read_text(encoding="utf-8") == _key(path, scale)


def execute(arguments):
    return _run_all(arguments.paths, arguments.scale, lambda path: path)[1]


def check(arguments):
    failures, shown = [], {}
    for repetition in range(1, arguments.repeat + 1):
        if arguments.repeat > 1:
            print(f"repetition {repetition} of {arguments.repeat}", flush=True)
        executed, failed = _run_all(arguments.paths, arguments.scale, lambda path: BUILD / "check" / path.name)
        failures += failed
        for path, notebook in executed:
            found = problems(notebook)
            counts = [pictures(cell) for cell in code_cells(notebook)]
            if counts != shown.setdefault(path, counts):
                found.append(f"its cells show {counts} pictures, in the first repetition {shown[path]}")
            if found and "failed" not in notebook.metadata["kernelsmith"]:
                failures.append(Failure(f"{path.name}:\n{_indent(found)}"))
                print(failures[-1], file=sys.stderr, flush=True)
            elif not found:
                print(f"{path.stem}: {len(counts)} cells, {sum(counts)} pictures, all as they should be", flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description="Executes the project's notebooks.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command, text in (
        (report, "execute copies of what changed and publish them"),
        (copy, "execute copies"),
        (execute, "execute in place"),
        (check, "execute copies and check their outputs"),
    ):
        sub = commands.add_parser(command.__name__, help=text)
        scales = ("quick", "paper", "committed") if command is report else ("quick", "paper")
        sub.add_argument("--scale", choices=scales, default="quick")
        sub.add_argument("notebooks", nargs="*", metavar="NOTEBOOK")
        if command is report:
            sub.add_argument("--pdf", action="store_true", help="print each page to a PDF too, with Chromium")
            # A cell's own work spreads over two cores and more.
            sub.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 1) // 2), metavar="N")
        if command is check:
            sub.add_argument("--repeat", type=int, default=1, metavar="N")
        sub.set_defaults(command=command)
    arguments = parser.parse_args()
    for option in ("repeat", "jobs"):
        if getattr(arguments, option, 1) < 1:
            parser.error(f"--{option} {getattr(arguments, option)}: must be at least 1")
    arguments.paths = _select(arguments.notebooks)

    def terminate(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminate)
    # A terminal that is closed; nohup has it ignored.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, terminate)
    try:
        failures = arguments.command(arguments)
    except KeyboardInterrupt:
        print("\nInterrupted: what was executed before is kept, the report is as it was.", file=sys.stderr)
        return 130
    except (OSError, RuntimeError) as error:
        print(f"Stopped: {error}", file=sys.stderr)
        return 1
    if failures:
        print("Failed:", file=sys.stderr)
        print(_indent(str(failure).splitlines()[0].rstrip(":") for failure in failures), file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
