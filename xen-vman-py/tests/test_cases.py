"""The cases of the core, through Python.

Those in `role` are tried by `test_playbooks.py`; those in `xl-cfg` are of the reader alone, which Python has no function for.
"""

import collections
import json
import pathlib
import re

import pytest

import xen_vman

CASES = pathlib.Path(__file__).parents[2] / "xen-vman-core" / "tests" / "cases"


def inputs(case):
    return sorted(case.glob("input*"))


def arguments(case):
    facts = next(iter(sorted(case.glob("facts.*"))), None)
    return {"facts": facts, "scripts": case / "files"}


def folders(*names):
    found = [case for name in names for case in sorted((CASES / name).iterdir())]
    assert len(found) >= len(names)
    return found


def name(case):
    return case.name


def test_no_folder_of_cases_is_left_out():
    here = {"ok", "bad", "variables", "import", "explain", "install"}
    assert {path.name for path in CASES.iterdir() if path.is_dir()} == here | {"role", "xl-cfg"}


def places(rendered):
    """The files of the host and its guests, as cases name them."""
    return {("host" if file.vm is None else f"guests/{file.vm}") + file.path: file.content for file in rendered.files}


@pytest.mark.parametrize("case", folders("ok"), ids=name)
def test_good_cases_render_to_what_is_expected(case):
    rendered = xen_vman.render(inputs(case), **arguments(case))
    expect = case / "expect"
    manifest = expect / "manifest.json"
    if manifest.exists():
        assert rendered.manifest == json.loads(manifest.read_text())
    files = places(rendered)
    expected = {
        str(path.relative_to(expect)): path.read_bytes()
        for path in expect.rglob("*")
        if path.is_file() and path.parent != expect
    }
    assert expected
    for place, content in expected.items():
        assert files[place] == content, place


DIAGNOSTIC = r"^(error|warning)\[([a-z0-9-]+)\]: .*\n(?: +--> \S*?:(\d+):(\d+)$)?"


def shown(case):
    """What the text that people read says: severity, id and place of each diagnostic."""
    text = (case / "expect.txt").read_text()
    return [
        (severity, name, int(line) if line else None, int(column) if column else None)
        for severity, name, line, column in re.findall(DIAGNOSTIC, text, re.MULTILINE)
    ]


def said(report):
    return [(one.severity, one.id, one.line, one.column) for one in report.diagnostics]


def is_xl_cfg(case):
    return inputs(case)[0].suffix == ".cfg"


@pytest.mark.parametrize("case", [case for case in folders("bad") if not is_xl_cfg(case)], ids=name)
def test_bad_cases_raise_what_is_expected(case):
    report = xen_vman.check(inputs(case), **arguments(case))
    assert said(report) == shown(case)
    if report.errors:
        with pytest.raises(xen_vman.DefinitionError) as caught:
            xen_vman.render(inputs(case), **arguments(case))
        assert caught.value.report == report


@pytest.mark.parametrize("case", [case for case in folders("bad") if is_xl_cfg(case)], ids=name)
def test_bad_files_of_xl_are_reported_as_expected(case):
    _, report = xen_vman.import_xl_cfg(*inputs(case))
    assert said(report) == shown(case)


@pytest.mark.parametrize("case", folders("import"), ids=name)
def test_files_of_xl_become_what_is_expected(case, monkeypatch):
    # The definition has their names.
    monkeypatch.chdir(case)
    text, report = xen_vman.import_xl_cfg(*(path.relative_to(case) for path in inputs(case)))
    assert text == (case / "expect.toml").read_text()
    assert said(report) == shown(case)


@pytest.mark.parametrize("case", folders("variables"), ids=name)
def test_each_variable_makes_the_difference_expected(case):
    """Line by line; how `diff` cuts it into pieces is its own affair."""
    before, after = (everything(case / f"{which}.toml") for which in ("default", "override"))
    lines = {
        place: (collections.Counter(after.get(place, [])), collections.Counter(before.get(place, [])))
        for place in before.keys() | after.keys()
    }
    found = {place: (dict(new - old), dict(old - new)) for place, (new, old) in lines.items() if new != old}
    assert found == expected_difference(case)


def everything(path):
    """The lines of all files and of the manifest, without sums, which say nothing that the files do not."""
    report = xen_vman.check(path)
    all_of_it = {"report.txt": [f"{one.severity}[{one.id}]" for one in report.diagnostics]}
    if not report.errors:
        rendered = xen_vman.render(path)
        texts = {place: content.decode() for place, content in places(rendered).items()}
        texts["manifest.json"] = json.dumps(rendered.manifest, indent=2, ensure_ascii=False)
        all_of_it.update({place: [line for line in text.splitlines() if '"sha256"' not in line] for place, text in texts.items()})
    return all_of_it


def expected_difference(case):
    """What `shows.diff` adds and takes away, by place; of a report, its diagnostics."""
    found = {}
    for part in re.split(r"^--- ", (case / "shows.diff").read_text(), flags=re.MULTILINE)[1:]:
        place, _, *lines = part.splitlines()
        changes = []
        for sign in "+-":
            changed = [line[1:] for line in lines if line.startswith(sign)]
            if place == "report.txt":
                changed = [f"{one[0]}[{one[1]}]" for one in re.findall(DIAGNOSTIC, "\n".join([*changed, ""]), re.MULTILINE)]
            changes.append(collections.Counter(changed))
        added, taken = changes
        # A report may differ in positions alone.
        if added != taken:
            found[place] = (dict(added - taken), dict(taken - added))
    return found


@pytest.mark.parametrize("case", folders("explain"), ids=name)
def test_values_are_explained_as_expected(case):
    rows = xen_vman.explain(inputs(case), xen_vman.render(inputs(case)).manifest["vms"][0]["domain"])
    expected = json.loads((case / "expect.json").read_text())
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected):
        found = {**row.to_dict(), "from": row.made_from}
        if wanted.get("file"):
            wanted["file"] = str(inputs(case)[0])
        assert {key: found[key] for key in wanted} == json.loads(json.dumps(wanted), object_hook=as_results)


def as_results(fields):
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}


@pytest.mark.parametrize("case", folders("install"), ids=name)
def test_cases_of_installations_are_good(case):
    """Their steps are for `plan --steps` of the command line alone."""
    assert not xen_vman.check(inputs(case)).errors
