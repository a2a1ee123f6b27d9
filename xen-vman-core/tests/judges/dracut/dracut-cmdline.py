#!/usr/bin/env python3
"""dracut-cmdline CMDLINE...: has dracut's own parsers read kernel command lines.

A CMDLINE that is `-' stands for the command lines on stdin, one per line.

Out: one line of JSON per command line:
  ok        false when dracut would refuse to boot with it
  messages  "die: ..." and "warn: ..." as dracut says them, then "sh: ..." for
            complaints of the shell that runs dracut's scripts
  ip        a list with one object per ip=, of what dracut takes from it:
            client, peer, gateway, mask, hostname, device, autoconf, mtu, mac
            (strings, empty when not given) and dns (a list)
  root      handled  whether something in dracut takes care of root=
            type     "nfs", "nfs4", "block", "dhcp", "none" (there is no
                     root=) or "other"
            device, fstype   of a block device
            server, path     of NFS; server is empty when DHCP has to tell it
            options  mount options that the command line asks for
            mount    arguments of the mount command, if dracut calls it
            rw       whether the root is mounted writable
            Of these, what does not apply is null.

Exit status: 0 when all could be judged, whatever the verdict; else 2.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

HOME = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(HOME, "libexec"))

from judge_report import lines, records, text  # noqa: E402

INITRD = os.path.join(HOME, "initrd")
TIMEOUT_SECONDS = 20

IP_FIELDS = ("client", "peer", "gateway", "mask", "hostname", "device", "autoconf", "mtu", "mac")


def boot(cmdline):
    """Plays dracut's command-line stage in a throw-away directory.

    Returns its exit status, its stderr and its records.
    """
    with tempfile.TemporaryDirectory(prefix="dracut-cmdline-") as directory:
        initrd = os.path.join(directory, "initrd")
        shutil.copytree(INITRD, initrd, copy_function=os.symlink)
        with open(os.path.join(initrd, "proc", "cmdline"), "wb") as file:
            file.write(cmdline + b"\n")
        shell = subprocess.run(
            ["/bin/sh", "./initrd.sh"],
            cwd=initrd,
            env={"PATH": "./bin", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        with open(os.path.join(initrd, "report"), "rb") as file:
            return shell.returncode, shell.stderr, list(records(file.read()))


def is_writable(options):
    """Whether mount options say rw; the last word counts, silence means ro."""
    words = [word for word in options.split(",") if word in ("ro", "rw")]
    return bool(words) and words[-1] == "rw"


def describe_root(state, nfs, mount):
    rootok, root, netroot, rootflags, fstype = state
    described = dict.fromkeys(
        ("handled", "type", "device", "fstype", "server", "path", "options", "mount", "rw")
    )
    described["handled"] = bool(rootok)
    if nfs:
        described["type"], described["server"], described["path"], described["options"] = nfs
        described["mount"] = mount
        if mount:
            described["rw"] = is_writable(mount[mount.index("-t") + 2].removeprefix("-o"))
    elif root.startswith("block:"):
        described.update(
            type="block",
            device=root[len("block:"):],
            fstype=fstype,
            options=rootflags,
            rw=is_writable(rootflags),
        )
    elif netroot in ("dhcp", "dhcp6"):
        described["type"] = "dhcp"
    else:
        described["type"] = "other" if root else "none"
    return described


def judge(cmdline):
    status, stderr, reported = boot(cmdline)
    verdict = {"ok": status == 0, "messages": [], "ip": [], "root": None}
    state, nfs, mount = None, None, None
    for kind, fields in reported:
        fields = [text(field) for field in fields]
        if kind == "message":
            level, words = fields
            # The text is meant for echo, which makes line ends of these.
            verdict["messages"].append(f"{level}: " + words.replace("\\n", "\n"))
        elif kind == "ip":
            address = dict(zip(IP_FIELDS, fields))
            address["dns"] = [server for server in fields[len(IP_FIELDS):] if server]
            verdict["ip"].append(address)
        elif kind == "state":
            state = fields
        elif kind == "nfs":
            nfs = fields
        elif kind == "mount":
            mount = fields
    if state is None:
        raise RuntimeError(f"dracut's scripts did not run to an end: {text(stderr)}")
    verdict["messages"] += [f"sh: {text(line)}" for line in lines(stderr)]
    verdict["root"] = describe_root(state, nfs, mount)
    return verdict


def main():
    arguments = [os.fsencode(argument) for argument in sys.argv[1:]]
    if not arguments or arguments[0] in (b"-h", b"--help"):
        print(__doc__, end="", file=sys.stderr)
        return 2
    for argument in arguments:
        for cmdline in lines(sys.stdin.buffer.read()) if argument == b"-" else [argument]:
            try:
                print(json.dumps(judge(cmdline)), flush=True)
            except (OSError, RuntimeError, subprocess.TimeoutExpired) as problem:
                print(f"dracut-cmdline: cannot judge: {problem}", file=sys.stderr)
                return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
