"""Tests of tools/audit/run on programs that do as they are told: what is not checked never counts as passed."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
BILL = '{ "bomFormat": "CycloneDX", "components": [ { "purl": "pkg:x/y@1" } ] }'.replace(", ", ",\n")
# What each program prints and its exit status when all is well.
WELL = {
    "golangci-lint": ("", 0),
    "govulncheck": ("", 0),
    "cyclonedx-gomod": (BILL, 0),
    "pip-audit": ("", 0),
    "cyclonedx-py": (BILL, 0),
    "npm": ("found 0 vulnerabilities\n" + BILL, 0),
}


class RunTest(unittest.TestCase):
    def run_with(self, **programs):
        """Runs the script in a checkout of its own; programs are {name_with_underscores: (output, exit status)}."""
        root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, root)
        for folder in (".cache/audit/bin", ".cache/audit/python/bin", "path", "tools/audit", "tools/browser", "bench"):
            (root / folder).mkdir(parents=True)
        shutil.copy(HERE / "run", root / "tools/audit/run")
        (root / "tools/audit/requirements.txt").write_text("one==1.0 \\\n    --hash=sha256:0\ntwo==2 ; python_version < '3.11'\n")
        (root / "bench/requirements-two.txt").write_text("two==2.1\n")
        self.program(root / "tools/env", 'if [ "$1" = --user-home ]; then shift; fi\nexec "$@"')
        said = WELL | {name.replace("_", "-"): what for name, what in programs.items()}
        for name, (output, status) in said.items():
            folder = "path" if name == "npm" else ".cache/audit/python/bin" if name in ("pip-audit", "cyclonedx-py") else ".cache/audit/bin"
            text = f"cat <<'END'\n{output}\nEND\nexit {status}"
            if name == "pip-audit":
                # Its report goes to a file, and stays away where it could not ask.
                text = 'for last; do [ "$before" = --output ] && report=$last; before=$last; done\n' + (
                    f'cat "$last" >>asked\n{"" if not output else f"echo {output} >$report"}\nexit {status}'
                )
            self.program(root / folder / name, text)
        done = subprocess.run(
            [root / "tools/audit/run"],
            env=os.environ | {"PATH": f"{root}/path:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
        )
        self.asked = (root / "asked").read_text().split() if (root / "asked").exists() else []
        self.bills = sorted(path.name for path in (root / "build/sbom").glob("*"))
        table = dict(line.rsplit("  ", 1) for line in done.stdout.splitlines() if line.endswith(("passed", "FOUND", "NOT CHECKED")))
        return done.returncode, {name.strip(): result.strip() for name, result in table.items()}

    def program(self, path, text):
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def test_all_well(self):
        status, table = self.run_with()
        self.assertEqual(set(table.values()), {"passed"})
        self.assertEqual(status, 0)
        # Each pin once, whatever file and Python it is for.
        self.assertEqual(sorted(self.asked), ["one==1.0", "two==2", "two==2.1"])
        self.assertIn("go-tools-audit.cdx.json", self.bills)
        self.assertIn("node-tools-browser.cdx.json", self.bills)

    def expect(self, check, result, **programs):
        status, table = self.run_with(**programs)
        self.assertEqual(table[check], result)
        self.assertNotEqual(status, 0)

    def test_golangci(self):
        self.expect("golangci-lint", "FOUND", golangci_lint=("a fault", 1))
        self.expect("golangci-lint", "NOT CHECKED", golangci_lint=("timeout", 4))

    def test_govulncheck(self):
        self.expect("govulncheck of the code", "FOUND", govulncheck=("GO-1", 3))
        self.expect("govulncheck of gopls", "NOT CHECKED", govulncheck=("no such host", 1))

    def test_pip_audit(self):
        check = "pip-audit of the pinned Python packages"
        self.expect(check, "FOUND", pip_audit=("PYSEC-1", 1))
        self.expect(check, "NOT CHECKED", pip_audit=("", 1))

    def test_npm_audit(self):
        check = "npm audit of tools/browser"
        self.expect(check, "FOUND", npm=("# npm audit report\naxe-core", 1))
        self.expect(check, "NOT CHECKED", npm=("npm error audit endpoint returned an error", 1))
        self.expect(check, "NOT CHECKED", npm=("", 0))

    def test_bill_of_nothing(self):
        self.expect("bill of materials of ./go.mod", "NOT CHECKED", cyclonedx_gomod=('{ "bomFormat": "CycloneDX" }', 0))


if __name__ == "__main__":
    unittest.main()
