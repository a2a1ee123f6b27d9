"""The cases of the core, through Python."""

import json
import pathlib
import re

import pytest

import xen_vman

CASES = pathlib.Path(__file__).parents[2] / "xen-vman-core" / "tests" / "cases"


def inputs(case):
    return sorted(path for path in case.glob("input*") if path.suffix in (".toml", ".yml", ".yaml", ".json"))


def arguments(case):
    facts = next(iter(sorted(case.glob("facts.*"))), None)
    return {"facts": facts, "scripts": case / "files"}


def folders(name):
    found = [case for case in sorted((CASES / name).iterdir()) if inputs(case)]
    assert found, f"no case in {name}"
    return found


@pytest.mark.parametrize("case", folders("ok"), ids=lambda case: case.name)
def test_good_cases_render_to_what_is_expected(case):
    rendered = xen_vman.render(inputs(case), **arguments(case))
    expect = case / "expect"
    manifest = expect / "manifest.json"
    if manifest.exists():
        assert rendered.manifest == json.loads(manifest.read_text())
    files = {
        ("host" if file.vm is None else f"guests/{file.vm}") + file.path: file.content for file in rendered.files
    }
    expected = {
        str(path.relative_to(expect)): path.read_bytes()
        for path in expect.rglob("*")
        if path.is_file() and path.parent != expect
    }
    assert expected
    for place, content in expected.items():
        assert files[place] == content, place


def shown(case):
    """What the text that people read says: severity, id and place of each diagnostic."""
    text = (case / "expect.txt").read_text()
    pattern = r"^(error|warning)\[([a-z0-9-]+)\]: .*\n(?: +--> \S*?:(\d+):(\d+)$)?"
    return [
        (severity, name, int(line) if line else None, int(column) if column else None)
        for severity, name, line, column in re.findall(pattern, text, re.MULTILINE)
    ]


@pytest.mark.parametrize("case", folders("bad"), ids=lambda case: case.name)
def test_bad_cases_raise_what_is_expected(case):
    report = xen_vman.check(inputs(case), **arguments(case))
    assert [(one.severity, one.id, one.line, one.column) for one in report.diagnostics] == shown(case)
    if report.errors:
        with pytest.raises(xen_vman.DefinitionError) as caught:
            xen_vman.render(inputs(case), **arguments(case))
        assert caught.value.report == report
