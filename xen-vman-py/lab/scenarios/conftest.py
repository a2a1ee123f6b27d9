"""What every scenario starts from: a dom0 of its own, as it was after its boot."""

import pathlib
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from xenlab import machine  # noqa: E402
from xenlab.trees import LAB  # noqa: E402


@pytest.fixture
def dom0():
    with tempfile.TemporaryDirectory(dir=LAB, prefix="run-") as directory:
        found = machine.restore(pathlib.Path(directory))
        try:
            yield found
        finally:
            found.stop()
        assert found.process.poll() is not None
        mounts = subprocess.run(["findmnt", "--list", "--noheadings", "--output", "TARGET"], capture_output=True, text=True, check=True)
        assert str(LAB) not in mounts.stdout
