#!/usr/bin/env python3
"""faults.py CLI OLD NEW [STRIDE]: does a host survive whatever happens to `apply` and `rollback`?

Applies the definition OLD to a directory, then NEW with a fault (strace -e inject) at one call after
the other: killed, or the call fails. Afterwards every file must be the one before or the one wanted,
whole, and the same command again must bring the tree to what it is without a fault, with no lock in
its way. The same for the rollback from NEW to OLD. With STRIDE, only one of so many calls is tried.
"""
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile

# What changes a file system, or may fail on the way.
KILLED = ["openat2", "write", "fsync", "fchmod", "fchmodat", "mkdirat", "renameat", "renameat2", "unlinkat", "symlinkat", "fchown", "flock"]
FAILING = {
    "openat2": ["EACCES", "EIO"],
    "write": ["ENOSPC"],
    "fsync": ["EIO"],
    "fchmod": ["EIO"],
    "fchown": ["EPERM"],
    "mkdirat": ["ENOSPC"],
    "renameat": ["EIO"],
    "renameat2": ["EIO"],
    "unlinkat": ["EIO"],
    "symlinkat": ["ENOSPC"],
}
# What an apply says of itself; it differs with what happened.
OWN = ("var/lib/xen-vman/generations", "var/lib/xen-vman/record.json", "run/xen-vman/lock")


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(77)


def tree(root):
    """Everything below a directory, by path."""
    found = {}
    for place, dirs, files in os.walk(root):
        for name in dirs + files:
            path = pathlib.Path(place, name)
            key = str(path.relative_to(root))
            if key.startswith(OWN):
                continue
            info = path.lstat()
            if stat.S_ISLNK(info.st_mode):
                found[key] = ("link", os.readlink(path))
            elif stat.S_ISREG(info.st_mode):
                found[key] = (stat.S_IMODE(info.st_mode), path.read_bytes())
            else:
                found[key] = ("directory",)
    return found


class Judge:
    """Judges one command, which leads from one tree to another."""

    def __init__(self, words, before, wanted, work):
        self.words, self.before, self.trees, self.work = words, before, (tree(before), wanted), work

    def run(self, root):
        return subprocess.run([*self.words, "--root", root], capture_output=True, text=True)

    def points(self):
        """All faults: the call, what happens to it, and which of these calls."""
        counts = self.calls()
        kills = [(call, "signal=KILL", number) for call in KILLED for number in range(1, counts[call] + 1)]
        fails = [
            (call, f"error={error}", number)
            for call, errors in FAILING.items() for error in errors for number in range(1, counts[call] + 1)
        ]
        return [(self, *point) for point in kills + fails]

    def calls(self):
        """How often the command makes each call."""
        root, log = self.work / f"counted-{self.words[1]}", self.work / "calls"
        shutil.copytree(self.before, root, symlinks=True)
        names = ",".join(sorted(set(KILLED) | set(FAILING)))
        subprocess.run(
            ["strace", "-f", "-qq", "-o", log, "-e", f"trace={names}", *self.words, "--root", root],
            check=True, capture_output=True,
        )
        return collections.Counter(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.M))

    def point(self, call, what, number):
        """Tries one fault; gives what is wrong."""
        root = pathlib.Path(tempfile.mkdtemp(dir=self.work), "root")
        try:
            shutil.copytree(self.before, root, symlinks=True)
            inject = f"inject={call}:{what}:when={number}"
            cut = subprocess.run(
                ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject, *self.words, "--root", root],
                capture_output=True, text=True,
            )
            wrong = []
            if "panicked" in cut.stderr:
                wrong.append(f"panic: {cut.stderr}")
            if what.startswith("error") and cut.returncode == 0:
                # Some failures need not be told, such as one of reading what is optional. Then all is done.
                if tree(root) != self.trees[1]:
                    wrong.append("it says that all is done, and it is not")
            old, new = self.trees
            for path, entry in tree(root).items():
                if path.endswith(".xen-vman-new"):
                    continue
                if entry not in (old.get(path), new.get(path)):
                    wrong.append(f"{path} is neither the old nor the new one: {entry}")
            again = self.run(root)
            if again.returncode != 0:
                wrong.append(f"the next one fails: {again.stderr}")
            elif tree(root) != new:
                differing = {path for path in set(tree(root)) | set(new) if tree(root).get(path) != new.get(path)}
                wrong.append(f"the next one ends elsewhere: {sorted(differing)}")
            else:
                third = self.run(root)
                if '"done":0' not in third.stdout.replace(" ", ""):
                    wrong.append(f"there is still something to do: {third.stdout}")
            return [f"{self.words[1]} {call} {what} {number}: {text}" for text in wrong]
        finally:
            shutil.rmtree(root.parent)


def prepare(cli, old, new, work):
    """Gives the judges of an apply and of the rollback from it."""
    before, after = work / "before", work / "after"
    before.mkdir()
    words = {
        name: [cli, "apply", definition, "--prune", "--yes", "--remove-all", "--json"]
        for name, definition in [("old", old), ("new", new)]
    }
    subprocess.run([*words["old"], "--root", before], check=True, capture_output=True)
    shutil.copytree(before, after, symlinks=True)
    subprocess.run([*words["new"], "--root", after], check=True, capture_output=True)
    rollback = [cli, "rollback", "--to", "1", "--json"]
    return [Judge(words["new"], before, tree(after), work), Judge(rollback, after, tree(before), work)]


def main():
    if len(sys.argv) not in (4, 5):
        print(__doc__, file=sys.stderr)
        sys.exit(64)
    if not shutil.which("strace"):
        skip("needs strace")
    cli, old, new = (os.path.abspath(path) for path in sys.argv[1:4])
    stride = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    with tempfile.TemporaryDirectory() as work:
        judges = prepare(cli, old, new, pathlib.Path(work))
        try:
            everything = [point for judge in judges for point in judge.points()]
        except subprocess.CalledProcessError as error:
            skip(f"strace cannot trace here: {error.stderr.decode().strip()[:200]}")
        points = everything[::stride]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            tried = pool.map(lambda point: point[0].point(*point[1:]), points)
            wrong = [text for texts in tried for text in texts]
    for text in wrong[:20]:
        print(f"FAILED  {text[:1500]}")
    kinds = sum(what == "signal=KILL" for _, _, what, _ in points)
    print(f"{len(points)} points of {len(everything)}: {kinds} kills, {len(points) - kinds} failing calls; {len(wrong)} wrong")
    sys.exit(1 if wrong or not points else 0)


main()
