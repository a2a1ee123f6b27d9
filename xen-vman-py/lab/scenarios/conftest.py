"""What every scenario starts from: a dom0 of its own, as it was after its boot."""

import fcntl
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from xenlab import machine  # noqa: E402
from xenlab import scenario as scenarios  # noqa: E402
from xenlab.trees import LAB  # noqa: E402


def pytest_sessionstart(session):
    """One run at a time; what an earlier one could not remove goes now."""

    def stop(number, frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    session.lab_lock = (LAB / "lock").open("w")
    try:
        fcntl.flock(session.lab_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pytest.exit("the laboratory is in use by another run", 2)
    for left in LAB.glob(f"{machine.RUN_PREFIX}*"):
        shutil.rmtree(left)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" or report.outcome == "failed":
        item.outcome = report.outcome


@pytest.fixture
def lab(request):
    name = request.node.name.removeprefix("test_")
    begin = time.monotonic()
    print(f"\n{name}", flush=True)
    with scenarios.scenario(name) as found:
        yield found
    seconds = time.monotonic() - begin
    outcome = getattr(request.node, "outcome", "failed")
    (found.results / "outcome").write_text(f"{seconds:.0f} {outcome}")
    assert found.dom0.process.poll() is not None
    mounts = subprocess.run(["findmnt", "--list", "--noheadings", "--output", "TARGET"], capture_output=True, text=True, check=True)
    assert str(LAB) not in mounts.stdout


def pytest_terminal_summary(terminalreporter):
    if scenarios.RESULTS.exists():
        text = scenarios.summary()
        (scenarios.RESULTS / "summary.md").write_text(text)
        terminalreporter.write(f"\n{text}\nlogs and consoles are in {scenarios.RESULTS}\n")
