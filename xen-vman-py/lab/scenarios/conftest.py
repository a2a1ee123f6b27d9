"""What every scenario starts from: a dom0 of its own, as it was after its boot."""

import contextlib
import pathlib
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from xenlab import machine  # noqa: E402
from xenlab import scenario as scenarios  # noqa: E402
from xenlab.trees import REPOSITORY, SUITE, InUseError, held  # noqa: E402

# What was said of the parts of each scenario: before, itself, after.
reports = {}
# How many times longer everything has taken in each because this machine was busy.
slowed = {}


def pytest_sessionstart(session):
    """One run at a time."""

    def stop(number, frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    hold = contextlib.ExitStack()
    try:
        hold.enter_context(held())
    except InUseError as why:
        pytest.exit(str(why), 2)
    session.config.add_cleanup(hold.close)


@pytest.fixture
def lab(request):
    name = request.node.name.removeprefix("test_")
    print(f"\n{name}", flush=True)
    with scenarios.scenario(name) as found:
        yield found
        slowed[name] = found.dom0.slowness()
    # The connection that commands shared ends by itself, as the other end is gone.
    until = time.monotonic() + 10
    while machine.left_by(found.dom0.place) and time.monotonic() < until:
        time.sleep(0.2)
    assert machine.left_by(found.dom0.place) + machine.mounted() == []


def pytest_runtest_logreport(report):
    reports.setdefault(report.location[2].removeprefix("test_"), []).append(report)


def row(name, parts):
    if any(part.failed for part in parts):
        outcome = "failed"
    else:
        outcome = "passed" if parts[-1].when == "teardown" else "stopped"
    seconds = sum(part.duration for part in parts)
    return f"| {name} | {seconds:.0f} | {slowed.get(name, 1.0):.1f} × | {outcome} |"


def pytest_terminal_summary(terminalreporter):
    """The table of what has run."""
    if reports:
        installs = "`nfs` unpacks its guest" if scenarios.QUICK else "`nfs` runs debootstrap"
        describe = ["git", "describe", "--always", "--dirty"]
        commit = subprocess.run(describe, cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout.strip()
        when = f"{time.strftime('%Y-%m-%d %H:%M')}, commit {commit or 'unknown'}"
        head = [f"{when}; dom0 is Debian {SUITE}; {installs}", "", "| scenario | seconds | slowed | outcome |", "|---|---|---|---|"]
        text = "\n".join([*head, *(row(name, parts) for name, parts in reports.items())]) + "\n"
        (scenarios.RESULTS / "summary.md").write_text(text)
        terminalreporter.write(f"\n{text}\nlogs and consoles are in {scenarios.RESULTS}\n")
