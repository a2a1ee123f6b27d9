"""What a scenario has: a dom0 of its own, our programs in it, ways into its guests, and a place for what it leaves."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator

from . import machine, patience, tiny
from .guests import IMAGES
from .ours import DEFINITION, PROGRAM, definition, program
from .patience import LimitError, Patience
from .trees import KEY, LAB

RESULTS = LAB / "results"
# Whether `nfs` does without debootstrap, for those who have no ten minutes.
QUICK = bool(os.environ.get("XEN_VMAN_LAB_QUICK"))
# What there is to look at afterwards, by the command that shows it.
LOOKS = {
    "journal.txt": "journalctl --no-pager --output short-monotonic",
    "xl.txt": "xl list; xl dmesg",
    "network.txt": "ip address; ip route; ip -6 route",
    "files.tar": "tar --create --ignore-failed-read /var/log/xen /var/lib/xen-vman/logs /etc/xen/vms /etc/xen-vman 2>/dev/null",
}


class Scenario:
    """A dom0 that is ours until the scenario ends."""

    def __init__(self, name: str, dom0: machine.Machine) -> None:
        self.dom0 = dom0
        self.results = RESULTS / name
        self.results.mkdir(parents=True, exist_ok=True)
        for old in self.results.iterdir():
            old.unlink()
        # What checks have found that went on afterwards.
        self.failures: list[str] = []
        self.begin = time.monotonic()
        self.last_record, self.repeated = "", 0
        dom0.record = lambda command, done, seconds: self.record("dom0", command, done, seconds)

    def record(self, where: str, command: str, done: subprocess.CompletedProcess[str], seconds: float) -> None:
        """Adds a command to the transcript; one that is asked again and again is there once as long as the answer is the same."""
        said = "".join(f"    {line}\n" for line in (done.stdout + done.stderr).splitlines())
        text = f"{where}# {command}\n{said}    exit status {done.returncode}\n"
        with (self.results / "transcript.txt").open("a") as transcript:
            if text == self.last_record:
                self.repeated += 1
                return
            if self.repeated:
                transcript.write(f"    … and {self.repeated} times more\n")
            self.last_record, self.repeated = text, 0
            at = time.monotonic() - self.begin
            transcript.write(f"[{at:8.1f} s, took {seconds:.1f} s] {text}")

    # What is done in dom0.

    def run(self, command: str, *, seconds_max: float = 900) -> str:
        """What a command in dom0 says; it must succeed."""
        return self.dom0.ssh(command, seconds_max=seconds_max).stdout.strip()

    def fails(self, command: str, *, seconds_max: float = 900) -> str:
        """What a command in dom0 says that must fail."""
        done = self.dom0.ssh(command, check=False, seconds_max=seconds_max)
        assert done.returncode not in (0, 255), f"{command}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def succeeds(self, command: str) -> bool:
        """Whether a command in dom0 succeeds. That dom0 does not answer is no answer."""
        done = self.dom0.ssh(command, check=False)
        assert done.returncode != 255, f"{command}: {done.stderr}"
        return done.returncode == 0

    def uptime_secs(self) -> float:
        """How long dom0 is up."""
        return float(self.run("cut -d ' ' -f 1 /proc/uptime"))

    def define(self, host: str, vms: str = "") -> None:
        """Writes the definition: settings of the host beside those of the lab, and the VMs."""
        self.dom0.put(definition(host, vms).encode(), DEFINITION)

    def cli(self, command: str, *words: str, exit_status: int = 0) -> str:
        """What our program says about the definition."""
        # The definition is where every command looks for it.
        detailed = ["--detailed-exitcode"] if command == "plan" else []
        line = " ".join(["xen-vman-cli", command, *detailed, *words])
        done = self.dom0.ssh(line, check=False, seconds_max=3600)
        (self.results / f"{command}.txt").open("a").write(f"# {line}\n{done.stdout}{done.stderr}\n")
        assert done.returncode == exit_status, f"{line}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def quick_installs(self) -> None:
        """From here on, debootstrap gives what it has given outside."""
        self.run("mount --bind /usr/local/lib/lab/debootstrap /usr/sbin/debootstrap")
        self.run("ln -sfn /usr/local/lib/lab/bwrap /usr/local/sbin/bwrap")

    def exports(self, *domains: str) -> None:
        """Makes the directories that guests have their roots in."""
        for domain in domains:
            org, name = domain.split("-", 1)
            self.run(f"mkdir -p /srv/nfs/{org}/{name}-root")

    def volume_group(self) -> None:
        """Makes a volume group of the second disk, with a directory for images."""
        self.run("vgcreate --yes vg0 /dev/vdb && lvcreate --yes --size 3G --name images vg0 && mkfs.ext4 -q /dev/vg0/images")
        self.run(f"mkdir {IMAGES} && echo '/dev/vg0/images {IMAGES} ext4 defaults 0 0' >>/etc/fstab && mount {IMAGES}")

    # Guests.

    def ping(self, address: str, *, seconds_max: float = 600) -> float:
        """Waits until a guest answers; gives the seconds that took."""
        return self.until(f"ping to {address}", lambda: self.succeeds(f"ping -c 1 -W 1 {address}"), seconds_max)

    def guest(self, address: str, command: str, *, user: str = "admin", check: bool = True, seconds_max: float = 300) -> str:
        """What a command in a guest says, by ssh with the key of the definition."""
        to_dom0 = " ".join([*self.dom0.ssh_words()[:-1], "-W", "%h:%p", self.dom0.ssh_words()[-1]])
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=90"]
        options += ["BatchMode=yes", f"ProxyCommand={to_dom0}"]
        words = [word for one in options for word in ("-o", one)]
        begin = time.monotonic()
        done = patience.run(["ssh", "-i", str(KEY), *words, f"{user}@{address}", command], seconds_max=seconds_max)
        self.record(f"{user}@{address}", command, done, time.monotonic() - begin)
        assert not check or done.returncode == 0, f"{command}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def up(self, address: str, *, user: str = "admin", seconds_max: float = 600) -> float:
        """Waits until one can log in to a guest; gives the seconds that took."""

        def answers() -> bool:
            with contextlib.suppress(LimitError):
                return self.guest(address, "echo here", user=user, check=False, seconds_max=60) == "here"
            return False

        return self.until(f"login to {address}", answers, seconds_max)

    def result(self, domain: str) -> str:
        """How the unit of a VM has ended, for systemd."""
        return self.run(f"systemctl show --property Result --value vm@{domain}")

    def unit(self, domain: str, state: str, *, seconds_max: float = 120) -> float:
        """Waits until the unit of a VM is in a state."""
        command = f"systemctl show --property ActiveState --value vm@{domain}"
        return self.until(f"vm@{domain} {state}", lambda: self.run(command) == state, seconds_max)

    def until(self, what: str, holds: Callable[[], bool], seconds_max: float) -> float:
        """Waits until something holds; gives the seconds that took."""
        limit = Patience(seconds_max)
        while not holds():
            if limit.over():
                raise LimitError(f"{what}: {limit.said()}")
            time.sleep(0.5)
        return limit.seconds()

    def stretched(self, seconds: float) -> float:
        """So many seconds, more if this machine is busy: for what is measured after the fact."""
        return seconds * self.dom0.slowness()

    # Tiny guests.

    def tiny(self, number: int, command: str, *, seconds_max: float = 30) -> str:
        """What a command in the tiny guest with that number says."""
        quoted = shlex.quote(f"{command}\nexit\n")
        done = self.dom0.ssh(f"printf %s {quoted} | nc -w {seconds_max:.0f} {tiny.address(number)} {tiny.PORT}", check=False)
        return done.stdout.strip()

    def tiny_up(self, number: int, *, seconds_max: float = 120) -> float:
        """Waits until a tiny guest answers; gives the seconds that took."""
        return self.until(f"tiny guest {number}", lambda: self.tiny(number, "echo here", seconds_max=3) == "here", seconds_max)

    # What it leaves.

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """A part of the scenario: told when it begins, and how long it took."""
        print(f"  {what} … ", end="", flush=True)
        begin = time.monotonic()
        outcome = "FAILED"
        try:
            yield
            outcome = "ok"
        except AssertionError as why:
            print(f"\n{why}\n  ", end="", flush=True)
            raise
        finally:
            seconds = time.monotonic() - begin
            busy = self.dom0.slowness()
            load = f", on a machine that was {busy:.1f} times slower than usual" if outcome != "ok" and busy > 1.5 else ""
            print(f"{outcome} ({seconds:.0f} s{load})", flush=True)
            with (self.results / "steps.txt").open("a") as steps:
                steps.write(f"{seconds:7.1f} s  {outcome:6}  {what}\n")

    @contextlib.contextmanager
    def check(self, what: str) -> Iterator[None]:
        """A step that nothing after it depends on: if it fails, the scenario goes on, and fails at its end."""
        try:
            with self.step(what):
                yield
        except AssertionError as why:
            self.failures.append(f"{what}: {why}")

    def keep(self) -> None:
        """Takes out what there is to look at."""
        for name, command in LOOKS.items():
            with contextlib.suppress(subprocess.TimeoutExpired), (self.results / name).open("wb") as file:
                subprocess.run([*self.dom0.ssh_words(), command], stdout=file, stderr=subprocess.DEVNULL, check=False, timeout=60)
        for name in ("serial.log", "qemu.log"):
            path = self.dom0.place / name
            if path.exists():
                (self.results / name).write_bytes(path.read_bytes())


@contextlib.contextmanager
def scenario(name: str) -> Iterator[Scenario]:
    """A scenario, from the snapshot of a dom0 that has just booted."""
    with machine.fresh() as dom0:
        found = Scenario(name, dom0)
        try:
            dom0.resume(machine.booted())
            dom0.put(program(), PROGRAM, "0755")
            yield found
            assert not found.failures, "\n".join([f"{len(found.failures)} failed:", *found.failures])
        finally:
            found.keep()
