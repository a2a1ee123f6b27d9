"""The laboratory's cache and its limits, without a laboratory."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

LABORATORY = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(LABORATORY))

from xenlab import cache, patience  # noqa: E402

DAY = 86400


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "CACHE", tmp_path / "lab")
    monkeypatch.setattr(cache, "_in_use", {})
    return tmp_path / "lab"


def forget(monkeypatch):
    """As another process, which uses nothing yet."""
    for lock in cache._in_use.values():
        os.close(lock)
    cache._in_use.clear()


def fill(text):
    return lambda place: (place / "content").write_text(text)


def never(place):
    raise AssertionError("made again")


def test_a_part_is_made_once_for_the_same_inputs_and_again_for_others(store, monkeypatch):
    one = cache.entry("tree", ["a", 1], fill("one"))
    assert (one / "content").read_text() == "one"
    forget(monkeypatch)
    assert cache.entry("tree", ["a", 1], never) == one
    other = cache.entry("tree", ["a", 2], fill("two"))
    assert other != one and cache.identity(other) != cache.identity(one)


def test_a_part_made_again_of_the_same_has_another_identity(store, monkeypatch):
    place = cache.entry("tree", "a", fill("one"))
    before = cache.identity(place)
    forget(monkeypatch)
    cache._remove(place)
    assert not place.exists()
    assert cache.identity(cache.entry("tree", "a", fill("one"))) != before


def test_a_build_that_fails_leaves_its_logs_and_no_part(store, monkeypatch):
    def fail(place):
        (place / "boot.log").write_text("why")
        (place / "disk").write_text("half")
        (place / "root").mkdir()
        raise SystemExit("no")

    with pytest.raises(SystemExit):
        cache.entry("booted", "a", fail)
    assert [path.name for path in next(store.glob("*.new")).iterdir()] == ["boot.log"]
    assert (cache.entry("booted", "a", fill("whole")) / "content").read_text() == "whole"
    assert not list(store.glob("*.new"))


MAKER = """
import sys, time
from xenlab import cache
def make(place):
    (place / "half").write_text("half")
    print("making", flush=True)
    time.sleep(60)
cache.entry("tree", "a", make)
"""


def other_process(store, program):
    environment = {**os.environ, "XEN_VMAN_CACHE": str(store.parent)}
    return subprocess.Popen([sys.executable, "-c", program], cwd=LABORATORY, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_build_that_is_killed_leaves_no_part_and_blocks_nobody(store, monkeypatch):
    with other_process(store, MAKER) as other:
        assert other.stdout.readline() == "making\n"
        other.send_signal(signal.SIGKILL)
    place = cache.entry("tree", "a", fill("whole"))
    assert sorted(path.name for path in place.iterdir()) == ["content", cache.ABOUT]


def test_whoever_comes_second_waits_for_the_first(store, monkeypatch):
    made = []

    def make(place):
        made.append(place)
        time.sleep(0.3)

    program = "from xenlab import cache\ncache.entry('tree', 'a', lambda place: print('made', flush=True))"
    first = threading.Thread(target=cache.entry, args=("tree", "a", make))
    first.start()
    while not made:
        time.sleep(0.01)
    with other_process(store, program) as other:
        assert other.stdout.read() == ""
    assert other.returncode == 0
    first.join()


def test_eviction_keeps_what_was_used_last_and_what_is_in_use(store, monkeypatch):
    places = [cache.entry("image-bookworm", number, fill("")) for number in range(4)]
    other_kind = cache.entry("image-trixie", 0, fill(""))
    old = cache.entry("mirror", 0, fill(""))
    forget(monkeypatch)
    for number, place in enumerate(places):
        os.utime(place / cache.ABOUT, (time.time() - number * DAY,) * 2)
    os.utime(old / cache.ABOUT, (time.time() - (cache.UNUSED_DAYS_MAX + 1) * DAY,) * 2)
    with other_process(store, "from xenlab import cache\ncache.entry('image-bookworm', 3, None)\nprint(1, flush=True)\nimport time\ntime.sleep(60)") as other:
        assert other.stdout.readline() == "1\n"
        # It counts as used last now, so it is one of two.
        os.utime(places[3] / cache.ABOUT, (time.time() - 9 * DAY,) * 2)
        cache.evict()
        other.kill()
    assert [place.exists() for place in places] == [True, True, False, True]
    assert other_kind.exists() and not old.exists()
    cache.evict()
    assert [place.exists() for place in places] == [True, True, False, False]
    assert len(list(store.glob("*.lock"))) == 3


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


def test_a_slow_command_gets_all_that_is_written_to_it(monkeypatch):
    monkeypatch.setattr(patience, "MEASURE_EVERY_SECONDS", 0.1)
    done = patience.run(["sh", "-c", "sleep 0.5; wc -c"], seconds_max=60, content=b"x" * 3_000_000)
    assert done.stdout.strip() == "3000000"
