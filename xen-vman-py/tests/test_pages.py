"""How pages are read and followed."""

import pytest

import pages
from pages import PageError, Run, Write, fits, follow, steps, substitute

PAGE = """\
# A page

On the host:

```sh
cd /srv
ls
```

```text
a …
```

`/etc/x.toml`:

```toml
a = 1
```

On the controller, everything is
different; see `y`:

<!-- exit status 3 -->
<!-- stand-in install: there is no network -->
```sh
false
```

<!-- shown: somebody else's file -->
```ini
b
```
"""


def test_a_page_is_a_list_of_steps():
    assert steps(PAGE) == [
        Run(5, "host", "cd /srv\nls\n", "a …\n"),
        Write(16, "host", "/etc/x.toml", "a = 1\n"),
        Run(25, "controller", "false\n", None, 3, "install"),
    ]


@pytest.mark.parametrize(
    "page",
    [
        "```sh\nls\n",
        "```text\nwithout a command\n```\n",
        "```sh\nls\n```\n\nWords.\n\n```text\nx\n```\n",
        "`a` and more:\n\n```toml\nx\n```\n",
        "`a`:\n\nWords.\n\n```toml\nx\n```\n",
        "<!-- stand-in install -->\n```sh\nls\n```\n",
        "<!-- shown -->\n```sh\nls\n```\n",
    ],
)
def test_a_page_that_breaks_the_rules_is_an_error(page):
    with pytest.raises(PageError):
        steps(page)


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        ("a\n", "a\n", True),
        ("a\n", "a  \n\n", True),
        ("a\n", "b\n", False),
        ("a\n", "a\nb\n", False),
        ("a\n…\n", "a\n", True),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n…\nd\n", "a\nb\nc\n", False),
        ("a … c\n", "a b c\n", True),
        ("a … c\n", "a b\n c\n", False),
        ("a.c\n", "abc\n", False),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_what_is_printed_is_compared(shown, printed, expected):
    assert fits(shown, printed) == expected


def test_texts_are_replaced_at_once_and_the_longest_first():
    mapping = {"10.0.0.5": "10.0.0.1", "10.0.0.5:/srv/vms": "10.77.0.1:/srv/nfs", "10.0.0.1": "10.77.0.1"}
    assert substitute("10.0.0.5:/srv/vms 10.0.0.5 10.0.0.1", mapping) == "10.77.0.1:/srv/nfs 10.0.0.1 10.77.0.1"


class Recorder:
    """A machine on which each command prints itself; `false` fails."""

    def __init__(self):
        self.did = []

    def run(self, script):
        self.did.append(script)
        return int("false" in script), script

    def write(self, path, text):
        self.did.append((path, text))


def test_a_page_is_followed_with_other_addresses():
    host, controller, called = Recorder(), Recorder(), []
    page = PAGE.replace("ls\n", "a b\n").replace("a …", "cd /srv\na …").replace("a = 1", "a = 10.0.0.5")
    machines = {"host": host, "controller": controller}
    follow(page, machines, {"install": lambda: called.append("install")}, {"10.0.0.5": "10.77.0.1", "/srv": "/mnt"})
    assert host.did == ["cd /mnt\na b\n", ("/etc/x.toml", "a = 10.77.0.1\n")]
    assert controller.did == [] and called == ["install"]


def test_another_exit_status_or_output_is_a_failure():
    for page, why in (("```sh\nfalse\n```\n", "exit status 0"), ("```sh\na\n```\n\n```text\nb\n```\n", "the page shows:\nb")):
        with pytest.raises(AssertionError, match=why):
            follow(page, {"host": Recorder()}, {})


def test_every_page_with_steps_follows_the_rules():
    """Even where it cannot be run here."""
    tutorials = sorted(pages.TUTORIALS.glob("*.md"))
    assert tutorials, "there are tutorials"
    for path in [*tutorials, pages.TUTORIALS.parent / "install.md"]:
        assert steps(path.read_text()), path
