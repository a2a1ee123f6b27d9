"""The laboratory's limits, without a laboratory."""

import os
import pathlib
import sys

import pytest

LABORATORY = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(LABORATORY))

from xenlab import patience  # noqa: E402


def test_limits_count_seconds_of_an_idle_machine(monkeypatch):
    """A process that has waited for a CPU three times as long as it had one."""
    clock = [100.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(patience, "of_the_cpu", lambda: 1.0)
    monkeypatch.setattr(patience, "watched", {1})
    monkeypatch.setattr(patience, "ran_and_waited", lambda process: (clock[0] / 4, clock[0] * 3 / 4))
    limit = patience.Patience(30)
    while not limit.over():
        clock[0] += 3
        assert limit.seconds() < 140
    assert limit.seconds() > 110
    assert "not within 30 s, stretched to 1" in limit.said() and "(4.0 times slower than usual)" in limit.said()


def test_an_idle_machine_stretches_nothing(monkeypatch):
    monkeypatch.setattr(patience, "of_the_cpu", lambda: 1.0)
    assert patience.slowness(10.0, 0.0) == patience.slowness(0.0, 0.0) == 1.0
    assert patience.slowness(0.0, 9.0) == patience.SLOWNESS_MAX


def test_what_the_kernel_says_of_a_process_that_runs(monkeypatch):
    before = patience.ran_and_waited(os.getpid())
    patience._loop()
    assert patience.ran_and_waited(os.getpid())[0] > before[0]


def test_a_command_that_hangs_ends_at_its_limit(monkeypatch):
    monkeypatch.setattr(patience, "MEASURE_EVERY_SECONDS", 0.1)
    with pytest.raises(patience.LimitError, match="not within 1 s"):
        patience.run(["sleep", "60"], seconds_max=1)
    done = patience.run(["sh", "-c", "sleep 0.5; cat; echo no >&2; exit 3"], seconds_max=60, content=b"yes")
    assert (done.returncode, done.stdout, done.stderr) == (3, "yes", "no\n")
