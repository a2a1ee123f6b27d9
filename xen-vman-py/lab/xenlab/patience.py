"""Limits on waiting that a busy machine stretches: they count seconds of a machine that does nothing else.

What is waited for happens in QEMU. The kernel reports how long its threads had a CPU and how long they waited for one;
where it does not, the load average must do.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO

# What `_loop` takes where the limits come from.
LOOP_SECONDS = 0.015
MEASURE_EVERY_SECONDS = 2.0
# Something that hangs must end some time.
SLOWNESS_MAX = 10.0
# Of QEMU, by process id.
watched: set[int] = set()


class LimitError(AssertionError):
    """Something took longer than it may."""


def _loop() -> float:
    begin = time.thread_time()
    total = 0
    for number in range(600_000):
        total ^= number
    return time.thread_time() - begin


@functools.cache
def of_the_cpu() -> float:
    """How many times slower this CPU is; at least 1."""
    return max(1.0, min(_loop() for _ in range(5)) / LOOP_SECONDS)


def ran_and_waited(process: int) -> tuple[float, float]:
    """How many seconds the threads of a process had a CPU, and waited for one."""
    ran = waited = 0
    for thread in pathlib.Path(f"/proc/{process}/task").glob("*/schedstat"):
        try:
            numbers = thread.read_text().split()
        except OSError:
            # It has ended meanwhile.
            continue
        ran, waited = ran + int(numbers[0]), waited + int(numbers[1])
    return ran / 1e9, waited / 1e9


def slowness(ran: float, waited: float) -> float:
    """How many times longer things take for a process that ran and waited for so long."""
    if ran + waited == 0 and not pathlib.Path("/proc/self/schedstat").exists():
        starved = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    else:
        # A process that has just begun to wait has hardly run.
        starved = (ran + waited) / max(ran, 0.05) if ran + waited > 0.1 else 1.0
    return min(starved * of_the_cpu(), SLOWNESS_MAX)


class Patience:
    """A limit of `seconds_max` for something that begins now."""

    def __init__(self, seconds_max: float) -> None:
        self.seconds_max = seconds_max
        self._begin = self._last = time.monotonic()
        self._measured = {process: ran_and_waited(process) for process in watched}
        self._used = 0.0

    def seconds(self) -> float:
        """How long it takes already, by the clock."""
        return time.monotonic() - self._begin

    def slowness(self) -> float:
        """How many times longer everything has taken since it was asked last."""
        ran = waited = 0.0
        for process in watched:
            before, self._measured[process] = self._measured.get(process, (0.0, 0.0)), ran_and_waited(process)
            # Threads that have ended do not count any more.
            ran += max(0.0, self._measured[process][0] - before[0])
            waited += max(0.0, self._measured[process][1] - before[1])
        return slowness(ran, waited)

    def over(self) -> bool:
        """Whether the limit is reached."""
        now = time.monotonic()
        if now - self._last >= MEASURE_EVERY_SECONDS:
            self._used += (now - self._last) / self.slowness()
            self._last = now
        return self._used > self.seconds_max

    def said(self) -> str:
        """The limit and the load, for a message."""
        text = f"not within {self.seconds_max:.0f} s"
        stretched = self.seconds() / max(self._used, 0.001)
        if stretched > 1.2:
            text += f", stretched to {self.seconds():.0f} s as this machine is busy ({stretched:.1f} times slower than usual)"
        return f"{text}; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"


def run(
    words: Sequence[str | os.PathLike[str]],
    *,
    seconds_max: float,
    content: bytes | None = None,
    cwd: pathlib.Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs a program, whatever its exit status; gives what it says."""
    limit = Patience(seconds_max)
    with contextlib.ExitStack() as opened:
        stdin: IO[bytes] | int = subprocess.DEVNULL
        if content is not None:
            # From a file, as `communicate` does not go on writing after its timeout.
            stdin = opened.enter_context(tempfile.TemporaryFile())
            stdin.write(content)
            stdin.seek(0)
        process = opened.enter_context(
            subprocess.Popen(words, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, env=env)
        )
        try:
            while True:
                try:
                    out, err = process.communicate(timeout=MEASURE_EVERY_SECONDS)
                    return subprocess.CompletedProcess(
                        words, process.returncode, out.decode(errors="replace"), err.decode(errors="replace")
                    )
                except subprocess.TimeoutExpired:
                    if limit.over():
                        raise LimitError(f"{words[-1]}: {limit.said()}") from None
        finally:
            if process.poll() is None:
                process.kill()
