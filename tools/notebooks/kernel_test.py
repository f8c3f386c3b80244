"""Tests of the notebooks' kernel as Jupyter uses it: python -m unittest kernel_test, in this folder."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import contextmanager
from pathlib import Path

sys.dont_write_bytecode = True

from jupyter_client.manager import KernelManager, start_new_kernel

from check import plain
from stress import PATIENCE, processes, within

CHECKOUT = Path(__file__).resolve().parents[2]
IMPORTS = 'import (\n\t"fmt"\n\n\t"github.com/kernelsmith/kernelsmith/ntk"\n)\n\nvar deep = ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, 1, 0))'
LIMIT = 300  # seconds, for machines that are busy with something else


@contextmanager
def kernel(folder, *arguments):
    """A client of a kernel that Jupyter starts in the folder."""
    manager, client = start_new_kernel(kernel_name="gonb", cwd=str(folder), startup_timeout=LIMIT, extra_arguments=list(arguments))
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def run(client, source):
    """Runs a cell; returns whether it went well and all that it said."""
    said = []

    def hear(message):
        content = message["content"]
        said.append(content.get("text") or content.get("evalue") or "")
        said.extend(str(value) for kind, value in content.get("data", {}).items() if kind.startswith("text/"))

    reply = client.execute_interactive(source, timeout=LIMIT, output_hook=hear)["content"]
    return reply["status"] == "ok", plain("".join(said))


def until(ask, holds):
    """The first answer that holds, or the last one: the language server starts with the kernel, and needs its time."""
    end = time.monotonic() + LIMIT
    while True:
        answer = ask()
        if holds(answer) or time.monotonic() > end:
            return answer
        time.sleep(1)


class Kernel(unittest.TestCase):
    def test_knows_the_packages_and_names_the_line(self):
        with kernel(CHECKOUT / "notebooks") as client:
            good, said = run(client, IMPORTS)
            self.assertTrue(good, said)

            code = "%%\nnet := ntk.Uni"
            found = until(
                lambda: client.complete(code, len(code), reply=True, timeout=LIMIT)["content"], lambda answer: answer.get("matches")
            )
            self.assertIn("UniformFCN", found["matches"])
            self.assertEqual(code[found["cursor_start"] : found["cursor_end"]], "Uni")

            code = "%%\nfmt.Println(deep.NTK())"
            found = until(
                lambda: client.inspect(code, code.index("NTK") + 1, reply=True, timeout=LIMIT)["content"],
                lambda answer: "text/markdown" in answer.get("data", {}),
            )
            self.assertIn("NTK returns the net", found["data"].get("text/markdown", ""), found["data"])

            for code, line in (
                ("%%\na := 1\nfmt.Println(a)\nfmt.Println(nothing)", 4),
                ("// f fails.\nfunc f() int {\n\treturn deep\n}\n\n%%\nfmt.Println(f())", 3),
                ("%%\nvar list []int\nfmt.Println(list[3])", 3),
                ("// g fails.\nfunc g() {\n\tpanic(\"no\")\n}\n\n%%\ng()", 3),
            ):
                good, said = run(client, code)
                self.assertFalse(good, code)
                self.assertRegex(said, rf"Cell\s*\[\d+\][^\n]*Line\s*{line}\b", code)
            good, said = run(client, "%%\nfmt.Println(deep)")
            self.assertEqual((good, said), (True, "4HL ReLU\n"))

    def test_input_and_line_ends(self):
        with tempfile.TemporaryDirectory() as folder, kernel(folder) as client:
            # Input has an end.
            code = '%%\nvar word string\n_, err := fmt.Scanln(&word)\nfmt.Println(word, err)'
            self.assertEqual(run(client, code), (True, " EOF\n"))
            self.assertEqual(run(client, "!cat; echo read"), (True, "read\n"))
            # Line ends of Windows.
            code = "// double doubles.\r\nfunc double(x int) int {\r\n\treturn 2 * x\r\n}\r\n\r\n%%\r\nfmt.Println(double(3), `a\r\nb`)\r\n"
            self.assertEqual(run(client, code), (True, "6 a\nb\n"))
            self.assertEqual(run(client, "%%bash\r\nif true; then\r\necho yes\r\nfi\r\n"), (True, "yes\n"))
            code = "%%\r\nlength := 1\r\nfmt.Println(double(len"
            found = until(
                lambda: client.complete(code, len(code), reply=True, timeout=LIMIT)["content"], lambda answer: answer.get("matches")
            )
            self.assertIn("length", found["matches"])
            self.assertEqual(code[found["cursor_start"] : found["cursor_end"]], "len")

    def test_errors_say_what_to_do(self):
        for arguments in [], ["-raw_error"]:
            with self.subTest(arguments), tempfile.TemporaryDirectory() as folder, kernel(folder, *arguments) as client:
                self.assertEqual(run(client, "%%\nkept, half := 3, 0.5\nfmt.Println(kept, half)"), (True, "3 0.5\n"))
                for code, says in (
                    ("fmt.Println(1)", "start the cell with %%, or move"),
                    ("var a = 1\n\nfor range a {\n}", "start the cell with %%, or move"),
                    ("%%\nfmt.Println(kept)", "kept was made below %% in cell [1], and values do not outlive a cell: declare it with var or func, above %%."),
                    ("%%\n1 + 2", "A cell does not show a value by itself: print it with fmt.Println."),
                    ("%%\nlist := []int{3}\nlist[0]", "print it with fmt.Println."),
                ):
                    good, said = run(client, code)
                    self.assertFalse(good, code)
                    self.assertEqual(said.count(says), 1, said)
                good, said = run(client, "%%\nfmt.Println(never)")
                self.assertIn("undefined: never", said)
                self.assertNotIn("outlive", said)

    def test_a_panic_says_what_is_wrong_and_where_in_the_cell(self):
        with kernel(CHECKOUT / "notebooks", "-raw_error") as client:
            code = "// net is where ntk says no.\nfunc net() *ntk.FCN {\n\treturn ntk.Must(ntk.UniformFCN(-4, ntk.ReLU{}, 1, 0))\n}\n\n%%\nfmt.Println(net())"
            imports = 'import (\n\t"fmt"\n\n\t"github.com/kernelsmith/kernelsmith/ntk"\n)\n\n'
            good, said = run(client, imports + code)
            self.assertFalse(good)
            self.assertRegex(
                said,
                r"^panic: ntk: depth is -4; [^\n]*\n\n"
                r"main\.net\(\.*\)\n\t \[\[ Cell \[1\] Line 9 \]\] [^\n]*\n"
                r"main\.main\(\)\n\t \[\[ Cell \[1\] Line 13 \]\] [^\n]*\nexit status 2\n",
            )
            self.assertNotIn("doc.go", said)
            self.assertNotIn("goroutine", said)
            # Without a line of a cell the trace is all there is.
            good, said = run(client, "%%\ntime.AfterFunc(0, (*sync.Mutex)(nil).Lock)\ntime.Sleep(time.Hour)")
            self.assertFalse(good)
            self.assertRegex(said, r"^panic: [^$]*\ngoroutine \d+ [^$]*mutex\.go")

    def test_what_setup_adds_to_the_kernel(self):
        subprocess.run([CHECKOUT / "tools/env", "go", "-C", CHECKOUT / "tools", "test", "./gonb"], check=True, stdout=subprocess.DEVNULL)

    def test_checkouts_side_by_side(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in "one", "two":
                package = Path(folder) / name / "ntk"
                package.mkdir(parents=True)
                (package.parent / "go.mod").write_text("module github.com/kernelsmith/kernelsmith\n\ngo 1.26\n", encoding="utf-8")
                (package / "ntk.go").write_text(f'package ntk\n\nconst Checkout = "{name}"\n', encoding="utf-8")
            code = 'import (\n\t"fmt"\n\n\t"github.com/kernelsmith/kernelsmith/ntk"\n)\n\n%%\nfmt.Println(ntk.Checkout)'
            with kernel(Path(folder) / "one") as one, kernel(Path(folder) / "two") as two:
                for client, name in ((one, "one"), (two, "two"), (one, "one")):
                    self.assertEqual(run(client, code), (True, name + "\n"))
                # An edit is in the next run, of that checkout alone.
                (Path(folder) / "one/ntk/ntk.go").write_text('package ntk\n\nconst Checkout = "edited"\n', encoding="utf-8")
                self.assertEqual(run(one, code), (True, "edited\n"))
                self.assertEqual(run(two, code), (True, "two\n"))

    @unittest.skipUnless(Path("/proc/self/environ").exists(), "processes are looked for in /proc")
    def test_nothing_outlives_the_kernel(self):
        def start(folder):
            manager = KernelManager(kernel_name="gonb")
            manager.start_kernel(cwd=folder, env={**os.environ, "TMPDIR": folder})
            return manager

        def left(folder):
            return processes(folder) + sorted(path.name for path in Path(folder).iterdir())

        # Jupyter kills the process group of a kernel that does not end when asked, here since it is stopped.
        with self.subTest("restart"), tempfile.TemporaryDirectory() as folder:
            manager = start(folder)
            self.assertTrue(until(lambda: " ".join(processes(folder)), lambda found: "gopls" in found))
            manager.shutdown_wait_time = 1
            os.kill(manager.provisioner.pid, signal.SIGSTOP)
            manager.restart_kernel()
            manager.shutdown_kernel()
            self.assertEqual(within(PATIENCE, lambda: left(folder)), [])
        # It may come to that at any moment.
        with self.subTest("killed"), tempfile.TemporaryDirectory() as folder:
            for wait in 0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6:
                manager = start(folder)
                time.sleep(wait)
                os.killpg(manager.provisioner.pgid, signal.SIGKILL)
                manager.shutdown_kernel(now=True)
            self.assertEqual(within(PATIENCE, lambda: left(folder)), [])


if __name__ == "__main__":
    unittest.main()
