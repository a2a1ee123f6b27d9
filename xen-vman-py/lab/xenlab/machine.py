"""The machine that dom0 runs on."""

from __future__ import annotations

import contextlib
import gzip
import inspect
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator

from . import cache, image, patience, trees
from .cache import CACHE
from .patience import LimitError, Patience
from .trees import ENDS_WITH_US, KEY, LAB, RUN_PREFIX, SUITE, inside, run, with_tools

MEMORY_MIB = 4096
DOM0_MEMORY_MIB = 1536
CPUS = 2
SNAPSHOT = "here"
BOOT_SECONDS_MAX = 300
ANSWER_SECONDS_MAX = 180
SETTLE_SECONDS_MAX = 300
# A unit may run into a limit of its own on a busy machine: then dom0 is booted once more.
BOOTS_MAX = 3
FIRST_KERNEL = "vmlinux"
NICE = -5

# What of mitigations and idling costs minutes under emulation, or crashes it: MWAIT is not there, and without
# eager-fpu registers are lost between virtual CPUs.
XEN = (
    f"dom0_mem={DOM0_MEMORY_MIB}M,max:{DOM0_MEMORY_MIB}M dom0_max_vcpus={CPUS} console=com1 com1=115200,8n1 "
    "xpti=no spec-ctrl=no,eager-fpu=yes pv-l1tf=no cpuidle=no noreboot"
)
# What dom0 sees as /dev/vdb.
SECOND_DISK = "second.qcow2"
SECOND_DISK_SIZE = "8G"
LINUX = "root=/dev/vda rw console=hvc0 net.ifnames=0 mitigations=off quiet udev.event_timeout=900"


def qemu(image: pathlib.Path, place: pathlib.Path, disk: pathlib.Path, port: int, kernel: str) -> list[object]:
    """The words that run it, with paths as it sees them."""
    words: list[object] = ["qemu-system-x86_64", "-name", "lab", "-accel", "tcg,thread=multi", "-machine", "pc"]
    words += ["-cpu", "max,-monitor", "-smp", CPUS, "-m", f"{MEMORY_MIB}M", "-nodefaults", "-display", "none"]
    words += ["-kernel", image / "xen", "-append", f"xen {XEN}"]
    words += ["-initrd", f"{image}/{kernel} {LINUX.replace(',', ',,')},{image}/initrd"]
    words += ["-drive", f"file={disk},if=none,id=d0,format=qcow2,cache=unsafe,discard=unmap"]
    words += ["-device", "virtio-blk-pci,drive=d0"]
    # For volume groups and images: a second disk, empty.
    words += ["-drive", f"file={place}/{SECOND_DISK},if=none,id=d1,format=qcow2,cache=unsafe,discard=unmap"]
    words += ["-device", "virtio-blk-pci,drive=d1"]
    # Nothing outside can be reached, and from outside nothing but ssh.
    words += ["-netdev", f"user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"]
    words += ["-device", "virtio-net-pci,netdev=n0,romfile="]
    words += ["-chardev", f"file,id=s0,path={place}/serial.log", "-serial", "chardev:s0"]
    words += ["-monitor", f"unix:{place}/monitor,server=on,wait=off"]
    return words


def prefer(process: int) -> None:
    """Lets a process and its threads go before others, if we may.

    Limits of Xen's own do not stretch: libxl ends a network script after 40 s.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process, NICE)
        # Where the scheduler shares between sessions, what counts is the session.
        pathlib.Path(f"/proc/{process}/autogroup").write_text(f"{NICE}\n")


class Machine:
    """A QEMU whose files are in a directory of its own."""

    def __init__(self, place: pathlib.Path) -> None:
        self.place = place
        # What it boots.
        self.image = image.build()
        # Is told of each command.
        self.record: Callable[[str, subprocess.CompletedProcess[str], float], None] = lambda command, done, seconds: None
        self.process: subprocess.Popen[bytes] | None = None
        self.disk = place
        # How often dom0 has come up since QEMU started.
        self.boots = 0
        # How long QEMU had a CPU, and waited for one, before it was started last.
        self.ran_and_waited = (0.0, 0.0)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    def start(self, disk: pathlib.Path, *, snapshot: str | None = None, kernel: str = FIRST_KERNEL) -> None:
        """Starts with a disk; from a snapshot of it, or from the beginning."""
        self.disk = disk
        words = qemu(inside(self.image), inside(self.place), inside(disk), self.port, kernel)
        if snapshot:
            words += ["-loadvm", snapshot]
        self.boots = 0
        with (self.place / "qemu.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*ENDS_WITH_US, *with_tools(*words)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        patience.watched.add(self.process.pid)
        prefer(self.process.pid)

    def boot(self) -> float:
        """Waits until Xen answers in dom0; gives the seconds that took."""
        limit = Patience(BOOT_SECONDS_MAX)
        self.boots += 1
        # QEMU truncates the log at the start of each run.
        while self._read("serial.log").count(b"LAB-READY") < self.boots:
            self._must_run()
            if limit.over():
                raise LimitError(f"dom0 did not come up: {limit.said()}\n{self.last_words()}")
            time.sleep(0.3)
        return limit.seconds()

    def answer(self) -> None:
        """Waits until ssh answers."""
        limit = Patience(ANSWER_SECONDS_MAX)
        while (done := self.ssh("true", check=False)).returncode != 0:
            self._must_run()
            if limit.over():
                raise LimitError(f"dom0 does not answer: {limit.said()}\n{done.stderr}{self.last_words()}")
            time.sleep(0.2)

    def settled(self) -> str:
        """Waits until nothing is being started any more; gives the units that have failed."""
        self.ssh("systemctl is-system-running --wait", check=False, seconds_max=SETTLE_SECONDS_MAX)
        return self.ssh("systemctl --failed --no-legend --plain").stdout.strip()

    def last_words(self) -> str:
        """The end of what dom0 has written to its console."""
        lines = self._read("serial.log").decode(errors="replace").splitlines()[-15:]
        return "\n".join(["the last lines of its console:", *(f"  {line.strip()}" for line in lines)])

    def _read(self, name: str) -> bytes:
        path = self.place / name
        return path.read_bytes() if path.exists() else b""

    def _must_run(self) -> None:
        if self.process is None or self.process.poll() is not None:
            raise SystemExit(f"QEMU ended:\n{self._read('qemu.log').decode(errors='replace')[-2000:]}")

    def monitor(self, command: str) -> str:
        """What QEMU's monitor says to a command."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(300)
            connection.connect(str(self.place / "monitor"))

            def prompt() -> bytes:
                text = b""
                while not text.endswith(b"(qemu) "):
                    if not (more := connection.recv(65536)):
                        raise SystemExit(f"QEMU ended at {command!r}: {text.decode(errors='replace')}")
                    text += more
                return text

            prompt()
            connection.sendall(command.encode() + b"\n")
            return prompt().decode(errors="replace")

    def ssh_words(self) -> list[str]:
        """How to get to dom0."""
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=10"]
        options += ["ControlMaster=auto", f"ControlPath={self.place}/ssh", "ControlPersist=60"]
        return ["ssh", "-i", str(KEY), "-p", str(self.port), *[word for one in options for word in ("-o", one)], "root@127.0.0.1"]

    def ssh(self, command: str, *, check: bool = True, seconds_max: float = 600) -> subprocess.CompletedProcess[str]:
        """Runs a command in dom0."""
        begin = time.monotonic()
        done = patience.run([*self.ssh_words(), command], seconds_max=seconds_max)
        self.record(command, done, time.monotonic() - begin)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def put(self, content: bytes, path: str, mode: str = "0644") -> None:
        """Writes a file in dom0."""
        # What is emulated unpacks faster than it decrypts.
        command = f"set -o pipefail; gunzip | install -D -m {mode} /dev/stdin {path}"
        begin = time.monotonic()
        done = patience.run([*self.ssh_words(), command], seconds_max=300, content=gzip.compress(content, 1))
        self.record(command, done, time.monotonic() - begin)
        if done.returncode != 0:
            raise AssertionError(f"{command}: exit status {done.returncode}\n{done.stdout}{done.stderr}")

    def save(self) -> None:
        """Saves the state of all, to be resumed."""
        self.hang_up()
        said = self.monitor(f"savevm {SNAPSHOT}")
        # Nothing but its own words back, or it has not worked.
        there = self.monitor("info snapshots")
        if "Error" in said or SNAPSHOT not in there.split("VM CLOCK")[-1].split():
            raise SystemExit(f"QEMU has made no snapshot: {said}\n{there}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends QEMU, which writes its disk out before it goes."""
        if self.process is not None and self.process.poll() is None:
            self.ran_and_waited = self.times()
            os.killpg(self.process.pid, how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        if self.process is not None:
            patience.watched.discard(self.process.pid)
        self.hang_up()

    def times(self) -> tuple[float, float]:
        """How long QEMU had a CPU, and waited for one."""
        if self.process is None or self.process.poll() is not None:
            return self.ran_and_waited
        ran, waited = patience.ran_and_waited(self.process.pid)
        return ran + self.ran_and_waited[0], waited + self.ran_and_waited[1]

    def slowness(self) -> float:
        """How many times longer everything has taken in it because this machine is busy."""
        return patience.slowness(*self.times())

    def hang_up(self) -> None:
        """Ends the connection that commands share."""
        subprocess.run([*self.ssh_words(), "-O", "exit"], capture_output=True, check=False)

    def power_cut(self, *, kernel: str = FIRST_KERNEL) -> None:
        """Takes the power away, with all that dom0 has not flushed to its disk, and gives it back."""
        self.stop(signal.SIGKILL)
        self.start(self.disk, kernel=kernel)
        self.boot()
        self.answer()

    def wait_for_reboot(self) -> None:
        """Waits until dom0, which was told to reboot, is there again."""
        self.hang_up()
        self.boot()
        self.answer()

    def resume(self, snapshot: pathlib.Path) -> None:
        """Goes on, with a disk of its own, from where a snapshot was made."""
        disk = self.place / "disk.qcow2"
        # The snapshot is in the disk itself, so that is copied; it is small, for what is below it is not.
        shutil.copyfile(snapshot, disk)
        shutil.copyfile(snapshot.with_name(SECOND_DISK), self.place / SECOND_DISK)
        self.start(disk, snapshot=SNAPSHOT)
        self.answer()


@contextlib.contextmanager
def fresh() -> Iterator[Machine]:
    """A machine that has not been started, in a directory that goes with it."""
    with tempfile.TemporaryDirectory(dir=LAB, prefix=RUN_PREFIX) as directory:
        machine = Machine(pathlib.Path(directory))
        try:
            yield machine
        finally:
            machine.stop()


def left_by(place: pathlib.Path) -> list[str]:
    """What a machine in that directory has left: its files, and processes that name them, by id."""
    found = [str(place)] if place.exists() else []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        # It may end while it is looked at.
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if f"/{place.name}/" in words:
                found.append(f"{process.name}: {words}")
    return found


def mounted() -> list[str]:
    """What of the laboratory is mounted where all programs see it. Its own programs mount in namespaces that go with them."""
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if f"{LAB}/" in line or f"{CACHE}/" in line]


def overlay(disk: pathlib.Path, below: pathlib.Path) -> None:
    """A disk that keeps what is changed of another one."""
    run(*with_tools("qemu-img", "create", "-q", "-f", "qcow2", "-b", inside(below), "-F", "raw", inside(disk)))


def booted() -> pathlib.Path:
    """A disk with a snapshot of dom0 after its boot, made if it is not there."""
    of_image = image.build()
    anywhere = pathlib.Path("/")
    words = [str(word) for word in qemu(anywhere, anywhere, anywhere, 0, FIRST_KERNEL)]
    ids = [cache.identity(of_image), cache.identity(trees.tools().parent)]
    made_of = [ids, words, SNAPSHOT, inspect.getsource(make_snapshot)]
    return cache.entry(f"booted-{SUITE}", made_of, make_snapshot) / "disk.qcow2"


def make_snapshot(place: pathlib.Path) -> None:
    """Boots dom0 until all is well in it, and saves it."""
    disk = place / "disk.qcow2"
    for attempt in range(1, BOOTS_MAX + 1):
        machine = Machine(place)
        overlay(disk, machine.image / "dom0.raw")
        second = place / SECOND_DISK
        run(*with_tools("qemu-img", "create", "-q", "-f", "qcow2", inside(second), SECOND_DISK_SIZE))
        try:
            machine.start(disk)
            seconds = machine.boot()
            machine.answer()
            if not (failed := machine.settled()):
                print(f"dom0 is up after {seconds:.0f} s", flush=True)
                machine.save()
                return
            journal = machine.ssh("journalctl --no-pager --boot --priority warning | tail -n 30", check=False).stdout
            (place / f"journal-{attempt}.log").write_text(journal)
            print(f"dom0 is up after {seconds:.0f} s, but has failed units:\n{failed}\n{journal}", flush=True)
        finally:
            machine.stop()
        disk.unlink()
    raise SystemExit(
        f"dom0 has failed units after each of {BOOTS_MAX} boots, so no snapshot is made of it; logs are in {place}\n"
        f"this machine was {machine.slowness():.1f} times slower than usual meanwhile"
    )
