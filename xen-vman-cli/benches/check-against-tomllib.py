#!/usr/bin/env python3
"""check-against-tomllib.py XEN_VMAN_CLI [VMS...]: checks a host with many VMs without problems,
and one whose VMs all have a warning, and lets Python's tomllib read the same file; prints
seconds, peak memory and the ratio of the two.
"""

import os
import subprocess
import sys
import tempfile
import time

READ = "import sys, tomllib; tomllib.load(open(sys.argv[1], 'rb'))"


def definition(vms, prefix):
    yield 'nfsroot_base = "10.0.0.5:/tank/vms"\n[defaults]\ngateway = "10.0.0.1"\n'
    for number in range(vms):
        a, b, c = number // 62500, number // 250 % 250, number % 250
        high, low = divmod(number + 1, 65536)
        yield (
            f'[[vms]]\norg = "org{number % 10}"\nname = "vm{number}"\nmemory = 2048\n'
            'os = { type = "debian", version = "bookworm" }\n'
            f'interfaces = [{{ ip = "10.{a}.{b}.{c + 2}{prefix}", ipv6 = "2001:db8::{high:x}:{low:x}/64" }}]\n'
        )


def run(arguments):
    """Seconds and peak MiB of a process; its exit status must be 0."""
    start = time.monotonic()
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{arguments[0]} failed with {status}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def main():
    cli, sizes = sys.argv[1], [int(size) for size in sys.argv[2:]] or [10_000, 100_000]
    for kind, prefix in (("fine", "/8"), ("a warning each", "")):
        for vms in sizes:
            with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.writelines(definition(vms, prefix))
                file.flush()
                size = os.path.getsize(file.name) / 2**20
                seconds, peak = min(run([cli, "check", "--format", "short", file.name]) for _ in range(3))
                theirs, their_peak = run([sys.executable, "-c", READ, file.name])
            print(
                f"{vms:7} VMs, {kind:14} ({size:.1f} MiB): check {seconds:.2f} s, {peak:.0f} MiB, "
                f"{seconds / vms * 1e6:.1f} us per VM; tomllib {theirs:.2f} s, {their_peak:.0f} MiB; "
                f"ratio {seconds / theirs:.2f}"
            )


if __name__ == "__main__":
    main()
