"""The types of the package, as users' type checkers see them."""

import pathlib
import subprocess
import sys

PACKAGE = pathlib.Path(__file__).parents[1]


def run_module(*words):
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, cwd=PACKAGE / "examples")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_examples_pass_mypy_strict():
    examples = sorted(str(path) for path in (PACKAGE / "examples").glob("*.py"))
    assert examples
    run_module("mypy", "--strict", "--python-version", "3.9", *examples)


def test_the_package_itself_passes_mypy_strict():
    run_module("mypy", "--strict", "--python-version", "3.9", "--package", "xen_vman")


def test_stubs_match_the_compiled_part():
    run_module("mypy.stubtest", "xen_vman._core")


def test_examples_run():
    done = subprocess.run([sys.executable, "many_vms.py", "20"], capture_output=True, text=True, cwd=PACKAGE / "examples")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("210 files"), done.stdout
