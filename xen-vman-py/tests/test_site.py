"""The documentation as a site: it is built without warnings, and no link within it is dead."""

import html.parser
import os
import pathlib
import shutil
import subprocess
import sys
import urllib.parse

import pytest

import debian_host
from debian_host import REPOSITORY

DOCS = REPOSITORY / "docs"
sys.path.insert(0, str(DOCS))

import links_to_sources  # noqa: E402


class Page(html.parser.HTMLParser):
    """The links and anchors of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value is not None:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def dead_links(site):
    """The links to files or anchors of the site that do not exist."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    dead = []
    for path, page in pages.items():
        for link in page.links:
            parts = urllib.parse.urlsplit(link)
            # 404.html is shown for other addresses, so its links begin at the root of the site.
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            target = path
            if parts.path:
                target = pathlib.Path(os.path.normpath(path.parent / urllib.parse.unquote(parts.path)))
            if target.is_dir():
                target /= "index.html"
            if not target.is_file() or site not in target.parents:
                dead.append(f"{path.relative_to(site)}: {link}")
            elif parts.fragment and target in pages and urllib.parse.unquote(parts.fragment) not in pages[target].anchors:
                dead.append(f"{path.relative_to(site)}: {link}: no such anchor")
    return dead


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    mdbook = os.environ.get("MDBOOK") or shutil.which("mdbook")
    if mdbook is None:
        debian_host.missing("mdbook is not installed")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run([mdbook, "build", DOCS, "--dest-dir", folder], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "WARN" not in said and "ERROR" not in said, said
    return folder


def test_the_site_has_no_dead_link(site):
    assert dead_links(site) == []


def test_the_site_has_every_page_and_a_search(site):
    listed = (DOCS / "SUMMARY.md").read_text()
    for path in sorted(DOCS.rglob("*.md")):
        name = str(path.relative_to(DOCS))
        if name != "SUMMARY.md":
            assert f"]({name})" in listed, f"docs/SUMMARY.md does not list {name}"
            assert (site / name.replace("README.md", "index.md")).with_suffix(".html").is_file(), name
    assert list(site.glob("searchindex*.js"))


def test_a_dead_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#here">b</a> <a href="c.html">c</a> <a href="#there">d</a> <img src="e.svg">')
    (tmp_path / "b.html").write_text('<h2 id="here">here</h2> <a href="https://example.org/none">outside</a>')
    assert dead_links(tmp_path) == ["a.html: c.html", "a.html: #there: no such anchor", "a.html: e.svg"]


@pytest.mark.parametrize(
    ("directory", "text", "expected"),
    [
        ("", "[a](b.md) [c](b.md#d)", None),
        ("tutorials", "[a](../b.md)", None),
        ("", "[a](https://example.org/x.rs)", None),
        ("", "![a](pictures/b.svg)", None),
        ("", "[a](../core/x.rs#L1)", "[a](https://r/blob/main/core/x.rs#L1)"),
        ("tutorials", "[a](../../core/README.md)", "[a](https://r/blob/main/core/README.md)"),
        ("", "[a](examples/x.toml)", "[a](https://r/blob/main/docs/examples/x.toml)"),
    ],
)
def test_links_out_of_the_documentation_lead_to_the_repository(directory, text, expected):
    assert links_to_sources.rewritten(text, directory, "https://r") == (expected or text)
