"""What the laboratory is made of, kept by content outside of the repository: a fresh clone finds it again.

An entry is a directory, named by its kind and by a digest of all it is made of. It is made beside its place and renamed
when it is complete, so there are no halves. A process that uses an entry holds a shared lock on it until it ends; one
that makes or removes an entry holds an exclusive lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator

HOME = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
CACHE = pathlib.Path(os.environ.get("XEN_VMAN_CACHE") or HOME / "xen-vman").absolute() / "lab"
# Of each kind, this many entries stay, and none that nobody has used for so long.
KEPT = 2
UNUSED_DAYS_MAX = 30
# In an entry, beside what it holds: what it is made of, and an id of its own.
ABOUT = "entry.json"

# The locks of the entries in use, by path. They end with the process.
_in_use: dict[pathlib.Path, int] = {}


def digest(*parts: object) -> str:
    """A name for what something is made of."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def entry(kind: str, made_of: object, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """The entry that is made of this; `make` fills its directory if it is not there yet."""
    place = CACHE / f"{kind}-{digest(made_of)}"
    if place in _in_use:
        return place
    CACHE.mkdir(parents=True, exist_ok=True)
    while True:
        lock = _lock(place, fcntl.LOCK_SH)
        if (place / ABOUT).exists():
            _in_use[place] = lock
            os.utime(place / ABOUT)
            return place
        os.close(lock)
        lock = _lock(place, fcntl.LOCK_EX)
        try:
            if not (place / ABOUT).exists():
                _make(place, made_of, make)
        finally:
            os.close(lock)


def identity(place: pathlib.Path) -> str:
    """The id of an entry. One that was made again of the same has another, as signatures and times in it differ."""
    found: str = json.loads((place / ABOUT).read_text())["id"]
    return found


def _make(place: pathlib.Path, made_of: object, make: Callable[[pathlib.Path], None]) -> None:
    shutil.rmtree(place, ignore_errors=True)
    new = _new(place)
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        make(new)
    except BaseException:
        # Logs say why it failed; the next attempt removes them.
        for left in new.iterdir():
            if left.suffix != ".log":
                shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        raise
    about = {"id": secrets.token_hex(8), "made": time.strftime("%Y-%m-%d %H:%M:%S"), "made_of": repr(made_of)}
    (new / ABOUT).write_text(json.dumps(about, indent=1) + "\n")
    # Before the name says that it is complete, it is on the disk.
    subprocess.run(["sync", "--file-system", new], check=True)
    new.rename(place)


def _new(place: pathlib.Path) -> pathlib.Path:
    return place.with_name(f"{place.name}.new")


def _lock(place: pathlib.Path, how: int) -> int:
    """Locks an entry; fails with BlockingIOError if `how` says not to wait."""
    path = place.with_name(f"{place.name}.lock")
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, how)
            # A process that removed the entry in the meantime has removed its lock, too.
            if path.exists() and os.fstat(lock).st_ino == path.stat().st_ino:
                return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def _entries() -> Iterator[tuple[pathlib.Path, float]]:
    """All entries, complete or not, with the time that each was last used."""
    for lock in CACHE.glob("*.lock"):
        place = lock.with_suffix("")
        about = place / ABOUT
        yield place, about.stat().st_mtime if about.exists() else 0.0


def evict() -> None:
    """Removes entries that nobody has used for long, older ones of a kind, and halves."""
    by_kind: dict[str, list[tuple[float, pathlib.Path]]] = {}
    for place, used in _entries():
        by_kind.setdefault(place.name.rsplit("-", 1)[0], []).append((used, place))
    oldest = time.time() - UNUSED_DAYS_MAX * 86400
    for entries in by_kind.values():
        for number, (used, place) in enumerate(sorted(entries, reverse=True)):
            if (number >= KEPT or used < oldest) and place not in _in_use:
                _remove(place)


def _remove(place: pathlib.Path) -> None:
    """Removes an entry unless it is in use."""
    with contextlib.suppress(BlockingIOError):
        lock = _lock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            # First what says that it is complete.
            (place / ABOUT).unlink(missing_ok=True)
            shutil.rmtree(place, ignore_errors=True)
            shutil.rmtree(_new(place), ignore_errors=True)
            place.with_name(f"{place.name}.lock").unlink()
        finally:
            os.close(lock)
