#!/usr/bin/env python3
"""xl-judge [--shallow] [--jobs N] FILE...: has Xen's own xl judge xl.cfg files.

A FILE that is `-' stands for the files named on stdin, one per line.

Out: one line of JSON per file, in the order of the files:
  file         the name as given
  exit         what `xl create' exited with, 128+N if it died of signal N;
               null if the file could not be judged
  messages     all that was said about it, one string per line; xl knows the
               file by the name xl.cfg
  unread_keys  keys set in the file that xl never asked for; empty when xl did
               not get to the end of the file
  config       the domain xl made of the file (libxl_domain_config), or null

Without --shallow, libxl's own checks are run as well, up to the point where
Xen would be asked for the domain.  Disks without a device number of their own
are added as a message and make the exit status non-zero.

XL_JUDGE_CPUS and XL_JUDGE_NODES set the size of the pretended host.
Exit status: 0 when all files could be judged, whatever the verdict; else 2.
"""

import argparse
import concurrent.futures
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile

HOME = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
LIBEXEC = os.path.join(HOME, "libexec")
sys.path.insert(0, LIBEXEC)

from judge_report import lines, records, text  # noqa: E402

TIMEOUT_SECONDS = 20


class CannotJudge(Exception):
    """Nothing can be said about a file; the text says why."""


class Cell:
    """A private directory in which one xl at a time reads one file.

    All paths that xl and the dynamic linker get to see are relative to it, so
    neither the names of the files nor the place of the judge matter.
    """

    def __init__(self, shallow):
        self.path = tempfile.mkdtemp(prefix="xl-judge-")
        os.symlink(LIBEXEC, os.path.join(self.path, "libexec"))
        self.environment = dict(
            os.environ,
            LC_ALL="C",
            LD_LIBRARY_PATH="libexec/lib",
            LD_PRELOAD="libexec/xl-preload.so",
            XL_JUDGE_REPORT="report",
        )
        self.environment.pop("XL_JUDGE_SHALLOW", None)
        if shallow:
            self.environment["XL_JUDGE_SHALLOW"] = "1"

    def remove(self):
        shutil.rmtree(self.path)

    def run(self, data):
        """Has xl read `data`.  Returns its status, stderr and records."""
        report = os.path.join(self.path, "report")
        with open(os.path.join(self.path, "xl.cfg"), "wb") as config:
            config.write(data)
        with open(report, "wb"):
            pass
        try:
            xl = subprocess.run(
                # Quiet; neither wait for the domain nor let it run.
                ["xl", "create", "-q", "-e", "-p", "xl.cfg"],
                executable=os.path.join(LIBEXEC, "xl"),
                cwd=self.path,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CannotJudge(f"xl did not end within {TIMEOUT_SECONDS} s") from None
        with open(report, "rb") as file:
            return xl.returncode, xl.stderr, list(records(file.read()))


def disk_faults(disks):
    """What is wrong with [(vdev, device number), ...]."""
    owners = {}
    for vdev, number in disks:
        if number < 0:
            yield f"libxl has no device number for vdev '{vdev}'"
        elif number in owners:
            yield f"vdev '{owners[number]}' and vdev '{vdev}' are both device {number}"
        else:
            owners[number] = vdev


def judge_data(cell, data, shallow):
    status, stderr, reported = cell.run(data)
    if status < 0 and -status != signal.SIGABRT:
        # An abort is xl's own decision.  Any other signal may well come from
        # the pretended host, where it does not answer for something.
        raise CannotJudge(f"xl died of signal {-status}: {text(stderr)}")

    unread, config, disks, created = [], None, [], False
    for kind, fields in reported:
        if kind == "unread":
            unread.append(text(fields[0]))
        elif kind == "config":
            config = json.loads(text(fields[0]))
        elif kind == "disk":
            disks.append((text(fields[0]), int(fields[1])))
        elif kind == "created":
            created = True
    if status == 0 and not (created or shallow and config is not None):
        raise CannotJudge(f"xl ended early: {text(stderr)}")

    exit_status = 128 - status if status < 0 else status
    faults = [f"xl-judge: {fault}" for fault in disk_faults(disks)]
    return {
        "exit": exit_status or (1 if faults else 0),
        "messages": [text(line) for line in lines(stderr)] + faults,
        "unread_keys": unread if config is not None else [],
        "config": config,
    }


def judge(cells, path, shallow):
    cell = cells.get()
    try:
        with open(path, "rb") as file:
            data = file.read()
        verdict = judge_data(cell, data, shallow)
    except (CannotJudge, OSError) as problem:
        verdict = {
            "exit": None,
            "messages": [f"xl-judge: cannot judge: {getattr(problem, 'strerror', None) or problem}"],
            "unread_keys": [],
            "config": None,
        }
    finally:
        cells.put(cell)
    return {"file": text(path), **verdict}


def files(arguments):
    for argument in arguments:
        if argument == "-":
            yield from lines(sys.stdin.buffer.read())
        else:
            yield os.fsencode(argument)


def positive(argument):
    number = int(argument)
    if number < 1:
        raise ValueError
    return number


def main():
    summary, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        usage=summary.partition(":")[0],
        description=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--shallow", action="store_true", help="only what xl itself makes of the file")
    parser.add_argument("--jobs", type=positive, default=1, metavar="N", help="judge N files at a time")
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args()

    paths = list(files(options.files))
    cells = queue.Queue()
    made = [Cell(options.shallow) for _ in range(min(options.jobs, len(paths)))]
    for cell in made:
        cells.put(cell)
    all_judged = True
    try:
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for verdict in pool.map(lambda path: judge(cells, path, options.shallow), paths):
                all_judged &= verdict["exit"] is not None
                print(json.dumps(verdict), flush=True)
    finally:
        for cell in made:
            cell.remove()
    return 0 if all_judged else 2


if __name__ == "__main__":
    sys.exit(main())
