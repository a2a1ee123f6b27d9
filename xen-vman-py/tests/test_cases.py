"""Runs the core's cases through Python.

`test_playbooks.py` runs those in `role`; those in `xl-cfg` test the xl.cfg reader, which Python does not expose.
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


def test_all_folders_of_cases_are_covered():
    here = {"ok", "bad", "variables", "import", "explain", "install", "graph"}
    assert {path.name for path in CASES.iterdir() if path.is_dir()} == here | {"boot", "role", "xl-cfg", "xl-shapes"}


# Python draws one host.
@pytest.mark.parametrize("case", [case for case in folders("graph") if len(inputs(case)) == 1], ids=name)
def test_graphs_are_those_expected(case):
    graph = xen_vman.graph(inputs(case), host="input", **arguments(case))
    assert graph.dot == (case / "expect.dot").read_text()
    assert graph.mermaid == (case / "expect.mmd").read_text()


def files_by_path(rendered):
    """The files of the host and its guests, by their path in a case."""
    return {("host" if file.vm is None else f"guests/{file.vm}") + file.path: file.content for file in rendered.files}


@pytest.mark.parametrize("case", folders("ok"), ids=name)
def test_good_cases_render_the_expected_files(case):
    rendered = xen_vman.render(inputs(case), **arguments(case))
    expect = case / "expect"
    manifest = expect / "manifest.json"
    if manifest.exists():
        assert rendered.manifest == json.loads(manifest.read_text())
    files = files_by_path(rendered)
    expected = {
        str(path.relative_to(expect)): path.read_bytes()
        for path in expect.rglob("*")
        if path.is_file() and path.parent != expect
    }
    assert expected
    for path, content in expected.items():
        assert files[path] == content, path


DIAGNOSTIC = r"^(error|warning)\[([a-z0-9-]+)\]: .*\n(?: +--> \S*?:(\d+):(\d+)$)?"


def expected_report(case):
    """Severity, id, line and column of each diagnostic in the expected text report."""
    text = (case / "expect.txt").read_text()
    return [
        (severity, name, int(line) if line else None, int(column) if column else None)
        for severity, name, line, column in re.findall(DIAGNOSTIC, text, re.MULTILINE)
    ]


def reported(report):
    return [(one.severity, one.id, one.line, one.column) for one in report.diagnostics]


def is_domain(case):
    return inputs(case)[0].suffix in (".cfg", ".xml")


@pytest.mark.parametrize("case", [case for case in folders("bad") if not is_domain(case)], ids=name)
def test_bad_cases_give_the_expected_report(case):
    report = xen_vman.check(inputs(case), **arguments(case))
    assert reported(report) == expected_report(case)
    if report.errors:
        with pytest.raises(xen_vman.DefinitionError) as caught:
            xen_vman.render(inputs(case), **arguments(case))
        assert caught.value.report == report


@pytest.mark.parametrize("case", [case for case in folders("bad") if is_domain(case)], ids=name)
def test_bad_xl_cfg_files_give_the_expected_report(case):
    _, report = xen_vman.import_xl_cfg(*inputs(case))
    assert reported(report) == expected_report(case)


@pytest.mark.parametrize("case", folders("import"), ids=name)
def test_xl_cfg_files_are_imported_as_expected(case, monkeypatch):
    # The definition contains the file names.
    monkeypatch.chdir(case)
    text, report = xen_vman.import_xl_cfg(*(path.relative_to(case) for path in inputs(case)))
    assert text == (case / "expect.toml").read_text()
    assert reported(report) == expected_report(case)


@pytest.mark.parametrize("case", folders("variables"), ids=name)
def test_each_variable_makes_the_expected_difference(case):
    """Compares line by line; how `diff` splits hunks does not matter."""
    before, after = (everything(case / f"{which}.toml") for which in ("default", "override"))
    lines = {
        path: (collections.Counter(after.get(path, [])), collections.Counter(before.get(path, [])))
        for path in before.keys() | after.keys()
    }
    found = {path: (dict(new - old), dict(old - new)) for path, (new, old) in lines.items() if new != old}
    assert found == expected_difference(case)


def everything(path):
    """The lines of all files and of the manifest, without checksums, which only repeat the files."""
    report = xen_vman.check(path)
    all_of_it = {"report.txt": [f"{one.severity}[{one.id}]" for one in report.diagnostics]}
    if not report.errors:
        rendered = xen_vman.render(path)
        texts = {path: content.decode() for path, content in files_by_path(rendered).items()}
        texts["manifest.json"] = json.dumps(rendered.manifest, indent=2, ensure_ascii=False)
        all_of_it.update({path: [line for line in text.splitlines() if '"sha256"' not in line] for path, text in texts.items()})
    return all_of_it


def expected_difference(case):
    """The lines that `shows.diff` adds and removes, by path; for a report, its diagnostics."""
    found = {}
    for part in re.split(r"^--- ", (case / "shows.diff").read_text(), flags=re.MULTILINE)[1:]:
        path, _, *lines = part.splitlines()
        changes = []
        for sign in "+-":
            changed = [line[1:] for line in lines if line.startswith(sign)]
            if path == "report.txt":
                changed = [f"{one[0]}[{one[1]}]" for one in re.findall(DIAGNOSTIC, "\n".join([*changed, ""]), re.MULTILINE)]
            changes.append(collections.Counter(changed))
        added, taken = changes
        # A report may differ only in positions.
        if added != taken:
            found[path] = (dict(added - taken), dict(taken - added))
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
def test_installation_cases_have_no_errors(case):
    """Only the command line's `plan --steps` shows their steps."""
    assert not xen_vman.check(inputs(case)).errors
