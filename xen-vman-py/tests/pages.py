"""Reads a page of the documentation as a list of steps, and does what it says.

A page is written for people; these rules let a program follow it, too:

- A paragraph that begins with "On the host", "On the controller" or "On the server" says where everything happens from
  there on. Without one, everything happens on the host.
- A fence of `sh` is run there, and must succeed. The next block continues in the same directory, in a shell of its own.
- A fence of `text` right after it is what it prints. A line that consists of `…` stands for any number of lines; `…`
  within a line stands for any characters.
- A fence of another language is a file if the paragraph before it ends with its path and a colon: "`/etc/hosts`:".

Comments, which readers do not see, cover the rest. Each is about the next fence:

- `<!-- exit status 1 -->`: the exit status of the block.
- `<!-- stand-in NAME: why -->`: who runs the page may do something else here.
- `<!-- shown: why -->`: this is neither run nor written.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Protocol

# The pages that are followed.
TUTORIALS = pathlib.Path(__file__).parents[2] / "docs" / "tutorials"

ELISION = "…"


class PageError(Exception):
    """The page does not follow the rules."""


@dataclasses.dataclass(frozen=True)
class Run:
    """A block of commands."""

    line: int
    machine: str
    script: str
    # None if the page does not show it.
    output: str | None = None
    exit_status: int = 0
    stand_in: str | None = None


@dataclasses.dataclass(frozen=True)
class Write:
    """A file."""

    line: int
    machine: str
    path: str
    text: str


Step = Run | Write


class Machine(Protocol):
    """Where steps happen. Both methods continue in the directory that the last block ended in."""

    def run(self, script: str) -> tuple[int, str]:
        """The exit status, and what was printed, of a script that ends at the first failure."""

    def write(self, path: str, text: str) -> None:
        """Replaces a file; its directory is created."""


COMMENT = re.compile(r"<!-- (?:(exit status) (\d+)|(stand-in) ([a-z0-9-]+): .+|(shown): .+) -->")
PLACE = re.compile(r"On the (host|controller|server)\b")
PATH = re.compile(r"`([^`]+)`:$")


def steps(page: str) -> list[Step]:
    """The steps of a page, in order."""
    found: list[Step] = []
    machine, paragraph, wishes = "host", "", {}
    # Where the last block of commands ended, if nothing but empty lines followed.
    after_run = False
    lines = enumerate(page.splitlines(), 1)
    for number, line in lines:
        if line.startswith("```"):
            language, begin, body = line[3:].strip(), number, []
            for _, inner in lines:
                if inner.startswith("```"):
                    break
                body.append(inner)
            else:
                raise PageError(f"line {begin}: the fence is not closed")
            text = "".join(f"{inner}\n" for inner in body)
            path = PATH.search(paragraph.rstrip())
            if "shown" in wishes:
                after_run = False
            elif language == "sh":
                status = int(wishes.get("exit status", 0))
                found.append(Run(begin, machine, text, None, status, wishes.get("stand-in")))
                after_run = True
            elif language == "text" and after_run:
                found[-1] = dataclasses.replace(found[-1], output=text)
                after_run = False
            elif language != "text" and path:
                found.append(Write(begin, machine, path[1], text))
                after_run = False
            else:
                raise PageError(f"line {begin}: neither commands, nor what they print, nor a file with its path before it")
            paragraph, wishes = "", {}
        elif comment := COMMENT.fullmatch(line.strip()):
            name = next(group for group in (comment[1], comment[3], comment[5]) if group)
            wishes[name] = comment[2] or comment[4] or ""
        elif not line.strip():
            # A path may be followed by an empty line.
            paragraph += "\n"
        elif line.startswith("<!--"):
            raise PageError(f"line {number}: not a comment that a page may have: {line}")
        else:
            if paragraph.endswith("\n"):
                paragraph = ""
            if not paragraph and (place := PLACE.match(line)):
                machine = place[1]
            paragraph += f" {line}"
            after_run = False
    return found


def fits(shown: str, printed: str) -> bool:
    """Whether this is what was printed, where `…` stands for anything."""
    wanted = [line.rstrip() for line in shown.strip("\n").splitlines()]
    given = [line.rstrip() for line in printed.strip("\n").splitlines()]
    pattern = ""
    for line in wanted:
        if line.strip() == ELISION:
            pattern += r"(?:[^\n]*\n)*"
        else:
            pattern += r"[^\n]*".join(re.escape(part) for part in line.split(ELISION)) + r"\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in given)) is not None


def substitute(text: str, mapping: Mapping[str, str]) -> str:
    """Replaces all keys at once, the longest first."""
    if not mapping:
        return text
    keys = sorted(mapping, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, keys)), lambda found: mapping[found[0]], text)


def script(text: str, state: str | pathlib.Path) -> str:
    """A block for bash: it continues where the last block ended, of which a file knows, and ends at the first failure."""
    return f'cd "$(cat {state} 2>/dev/null || pwd)"\ntrap "pwd >{state}" EXIT\nset -e\n{text}'


def follow(
    page: str,
    machines: Mapping[str, Machine],
    stand_ins: Mapping[str, Callable[[], None]],
    mapping: Mapping[str, str] | None = None,
    begins: Callable[[Step], None] = lambda step: None,
) -> None:
    """Does what a page says. Texts of the page, such as addresses, are replaced first, by `mapping`.

    A block with a name among `stand_ins` is not run; that is called instead.
    """
    mapping = mapping or {}
    for step in steps(page):
        begins(step)
        machine = machines[step.machine]
        if isinstance(step, Write):
            machine.write(step.path, substitute(step.text, mapping))
            continue
        if step.stand_in in stand_ins:
            stand_ins[step.stand_in]()
            continue
        script = substitute(step.script, mapping)
        status, printed = machine.run(script)
        said = f"line {step.line}, on the {step.machine}:\n{script}\nexit status {status}\n{printed}"
        assert status == step.exit_status, f"{said}\nthe page wants exit status {step.exit_status}"
        if step.output is not None:
            shown = substitute(step.output, mapping)
            assert fits(shown, printed), f"{said}\nthe page shows:\n{shown}"
