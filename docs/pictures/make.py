#!/usr/bin/env python3
"""Makes the pictures: runs real commands on the example in a terminal of 80 columns, and draws what they print.

    cargo build -p xen-vman-cli
    pip install rich==15.0.0
    docs/pictures/make.py target/debug/xen-vman-cli

Nothing in them depends on the time, the machine or the directory. `transcript` needs nothing but Python: a test compares
it with the pictures.
"""

import fcntl
import html
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLE = HERE.parent / "examples"
COLUMNS = 80
# The mistakes of the first picture, and the change of the second.
MISTAKES = (
    ("memory = 4096", "memroy = 4096"),
    ('mac = "00:16:3e:00:00:30"', 'mac = "00:16:3e:00:00"'),
    ('after = ["stuvus-db01"]', 'after = ["stuvus-db1"]'),
)
CHANGE = (("memory = 4096", "memory = 6144"),)
EXPLAIN = """\
xen-vman-cli explain stuvus-web01 --file hypervisor.toml \\
    --key memory --key gateway --key auto_boot --key after --key domain\
"""
# Name, title, what happens before, the commands that are shown.
PICTURES = {
    "check": ("check reports everything at once", MISTAKES, ["xen-vman-cli check hypervisor.toml"]),
    "plan": ("plan shows what apply would change", CHANGE, ["xen-vman-cli plan hypervisor.toml --root host --diff"]),
    "explain": ("explain shows where values come from", (), [EXPLAIN]),
}


def edit(path, changes):
    text = path.read_text()
    for old, new in changes:
        assert old in text, f"the example has no {old!r}"
        text = text.replace(old, new, 1)
    path.write_text(text)


def in_terminal(command, folder, program):
    """What a command prints on a terminal."""
    (folder / ".bin").mkdir(exist_ok=True)
    link = folder / ".bin" / "xen-vman-cli"
    if not link.exists():
        link.symlink_to(program)
    environment = {"PATH": f"{folder}/.bin:/usr/bin:/bin", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    with subprocess.Popen(
        ["sh", "-c", command], cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        said = b""
        # A terminal that nobody has open any more is an error to read.
        try:
            while part := os.read(ours, 65536):
                said += part
        except OSError:
            pass
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


def transcript(name, program):
    """The commands of a picture and what they print, with the terminal's colours."""
    _, changes, commands = PICTURES[name]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shutil.copy(EXAMPLE / "hypervisor.toml", folder)
        shutil.copytree(EXAMPLE / "files", folder / "files")
        if name == "plan":
            (folder / "host").mkdir()
            done = in_terminal("xen-vman-cli apply hypervisor.toml --root host --yes >/dev/null 2>&1", folder, program)
            assert not done, done
        edit(folder / "hypervisor.toml", changes)
        said = ""
        for command in commands:
            printed = in_terminal(command.replace("\\\n", ""), folder, program)
            said += f"\x1b[1m$\x1b[0m {command}\n{printed}"
            assert str(folder) not in said, said
    return said.rstrip("\n") + "\n"


def plain(text):
    """A transcript without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def shown(picture):
    """The text of a picture, without spaces: lines that are longer than the terminal are broken in it."""
    words = re.findall(r"<text[^>]*>(.*?)</text>", picture, re.S)
    # The first one is the title.
    return squeezed(html.unescape("".join(words[1:])))


def squeezed(text):
    return re.sub(r"\s+", "", text)


# As rich has it, without fonts from the network.
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def draw(name, text):
    """The picture of a transcript."""
    from rich.console import Console
    from rich.text import Text

    with open(os.devnull, "w") as nothing:
        console = Console(record=True, width=COLUMNS, file=nothing, color_system="truecolor", force_terminal=True)
        console.print(Text.from_ansi(text), overflow="fold")
        picture = console.export_svg(title=PICTURES[name][0], code_format=FORMAT, unique_id=f"picture-{name}")
    # The buttons of a window that it is not.
    lines = [line.rstrip() for line in picture.splitlines() if " cx=" not in line]
    return "".join(f"{line}\n" for line in lines)


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    for name in PICTURES:
        (HERE / f"{name}.svg").write_text(draw(name, transcript(name, program)))


if __name__ == "__main__":
    main()
