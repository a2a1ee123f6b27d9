"""The installed package."""

import dataclasses
import doctest
import importlib
import importlib.metadata
import json
import os
import pathlib
import pickle
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile

import pytest

import xen_vman
from xen_vman import _core
from ansible_runs import wheel

HOST = {
    "nfsroot_base": "10.0.0.5:/tank",
    "vms": [
        {
            "org": "a",
            "name": "web",
            "os": {"type": "debian", "version": "12"},
            "interfaces": [{"ip": "10.0.0.15/24"}],
        }
    ],
}


def test_version_matches_the_distribution():
    assert xen_vman.__version__ == importlib.metadata.version("xen-vman")


def test_all_names_exist():
    assert all(hasattr(xen_vman, name) for name in xen_vman.__all__)


@pytest.mark.parametrize("name", ["_errors", "_functions", "_input", "_results"])
def test_examples_in_docstrings_work(name):
    module = importlib.import_module(f"xen_vman.{name}")
    done = doctest.testmod(module)
    assert done.failed == 0
    assert name == "_results" or done.attempted > 0


def test_examples_in_the_docs_work():
    package = pathlib.Path(__file__).parents[1]
    for page, least in ((package / "README.md", 2), (package.parent / "docs" / "python.md", 10)):
        done = doctest.testfile(str(page), module_relative=False)
        assert done.failed == 0 and done.attempted >= least


def test_dicts_strings_and_files_are_equivalent(tmp_path):
    text = (
        'nfsroot_base = "10.0.0.5:/tank"\n[[vms]]\norg = "a"\nname = "web"\n'
        'os = { type = "debian", version = "12" }\ninterfaces = [{ ip = "10.0.0.15/24" }]\n'
    )
    path = tmp_path / "host.toml"
    path.write_text(text)
    role = {f"xen_vman_{key}": value for key, value in HOST.items()}
    files = [xen_vman.render(one).files for one in (HOST, role, path, xen_vman.Text(text))]
    assert files[0] == files[1] == files[2] == files[3]


def test_definitions_are_converted(tmp_path):
    role = {f"xen_vman_{key}": value for key, value in HOST.items()}
    text = xen_vman.convert(role)
    assert xen_vman.render(xen_vman.Text(text)).files == xen_vman.render(HOST).files
    assert json.loads(xen_vman.convert(xen_vman.Text(text), "json")) == role
    with pytest.raises(ValueError, match="2 parts"):
        xen_vman.convert([HOST, {}])
    with pytest.raises(ValueError, match='"toml", "yaml" or "json", not "xml"'):
        xen_vman.convert(HOST, "xml")
    with pytest.raises(xen_vman.DefinitionError):
        xen_vman.convert(xen_vman.Text("vms = ["))


def test_a_bare_string_is_refused():
    with pytest.raises(TypeError, match=r"pathlib\.Path"):
        xen_vman.check("host.toml")


def test_invalid_definitions_are_refused():
    with pytest.raises(TypeError, match="value of type set"):
        xen_vman.check({"vms": {1, 2}})
    with pytest.raises(ValueError, match="errors cannot be suppressed"):
        xen_vman.check({"vms": []}, allow=["bad-mac"])
    with pytest.raises(ValueError, match="unknown diagnostic"):
        xen_vman.check(HOST, allow=["nonsense"])


def test_all_problems_are_raised_at_once_with_paths():
    with pytest.raises(xen_vman.DefinitionError) as caught:
        xen_vman.render({"xen_vman_vms": [{"org": "a", "name": "web", "memory": "much", "interfaces": [{"mac": "zz"}]}]})
    paths = {one.path for one in caught.value.report.errors}
    assert {"xen_vman_vms[0].memory", "xen_vman_vms[0].interfaces[0].mac"} <= paths
    assert caught.value.report.errors[0].file is None
    assert isinstance(caught.value, ValueError)
    assert pickle.loads(pickle.dumps(caught.value)).report == caught.value.report


def test_apply_makes_a_directory_match_the_definition(tmp_path):
    planned = xen_vman.plan(HOST, root=tmp_path)
    assert planned and planned.actions[0].sentence.startswith("write ")
    assert list(tmp_path.iterdir()) == []
    events = []
    done = xen_vman.apply(HOST, root=tmp_path, plan=planned, progress=events.append)
    assert done.changed and done.plan.fingerprint == planned.fingerprint
    assert [event["event"] for event in events] == ["plan"] + ["begins"] * len(planned.actions)
    assert (tmp_path / "etc/xen/vms/a-web.cfg").exists()
    assert not xen_vman.plan(HOST, root=tmp_path)
    assert not xen_vman.apply(HOST, root=tmp_path).changed
    with pytest.raises(xen_vman.HostError, match="changed since"):
        changed = {**HOST, "defaults": {"memory": 2048}}
        xen_vman.apply(changed, root=tmp_path, plan=planned)
    assert [vm.domain for vm in xen_vman.status(HOST, root=tmp_path)] == ["a-web"]
    assert any(one.state == "missing" for one in xen_vman.doctor(HOST, root=tmp_path))
    assert xen_vman.rollback(root=tmp_path).changed
    assert not (tmp_path / "etc/xen/vms/a-web.cfg").exists()


def test_a_rollback_can_be_looked_at_and_go_back_several_applies(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    for memory in [256, 512, 1024]:
        xen_vman.apply({**HOST, "defaults": {"memory": memory}}, root=root)
    config = root / "etc/xen/vms/a-web.cfg"
    latest = config.read_text()
    planned = xen_vman.plan_rollback(root=root, to=1)
    assert [action.sentence for action in planned.actions] == ["change /etc/xen/vms/a-web.cfg"]
    assert config.read_text() == latest
    assert xen_vman.rollback(root=root, to=1).changed
    assert "memory = 256" in config.read_text()
    found = xen_vman.generations(root=root)
    assert [one.number for one in found] == [1, 2, 3, 4]
    assert found[3].rolled_back_to == 1 and found[3].is_done
    assert [one.is_current for one in found] == [True, False, False, False]
    assert found[3].paths == ["/etc/xen/vms/a-web.cfg"] and found[3].at_secs > 1_600_000_000
    with pytest.raises(xen_vman.HostError, match="no generation 9"):
        xen_vman.rollback(root=root, to=9)


def test_runs_of_one_process_exclude_each_other(tmp_path):
    refused = []

    def progress(event):
        with pytest.raises(xen_vman.HostError, match="holds the lock .this process"):
            xen_vman.apply(HOST, root=tmp_path)
        refused.append(event["event"])

    xen_vman.apply(HOST, root=tmp_path, progress=progress)
    assert len(refused) > 1
    assert not xen_vman.apply(HOST, root=tmp_path).changed


def test_vms_are_only_removed_if_that_is_allowed(tmp_path):
    two = {**HOST, "vms": [*HOST["vms"], {**HOST["vms"][0], "name": "db", "interfaces": []}]}
    xen_vman.apply(two, root=tmp_path)
    for none, arguments, message in [
        (HOST, {"prune": ["a-other"]}, "would stop and remove a-db"),
        ({**HOST, "vms": []}, {"prune": True}, "would remove all 2 VMs"),
        ({**HOST, "vms": []}, {"prune": ["a-db"], "remove_all": True}, "would stop and remove a-web"),
    ]:
        with pytest.raises(xen_vman.HostError, match=message):
            xen_vman.apply(none, root=tmp_path, **arguments)
    assert xen_vman.apply(HOST, root=tmp_path, prune=["a-db"]).changed
    assert xen_vman.apply({**HOST, "vms": []}, root=tmp_path, prune=True, remove_all=True).changed
    with pytest.raises(TypeError, match="prune must be"):
        xen_vman.apply(HOST, root=tmp_path, prune="a-web")


@pytest.mark.parametrize("function", [xen_vman.plan, xen_vman.apply])
def test_vms_that_may_be_erased_must_be_a_list(function, tmp_path):
    with pytest.raises(TypeError, match="list of VMs"):
        function(HOST, root=tmp_path, allow_reinstall="a-web")
    function(HOST, root=tmp_path, allow_reinstall=["a-web"])


def test_an_exception_in_the_progress_callback_is_raised(tmp_path):
    def progress(event):
        raise KeyError(event["event"])

    with pytest.raises(KeyError, match="plan"):
        xen_vman.apply(HOST, root=tmp_path, progress=progress)
    assert not (tmp_path / "etc").exists()


def test_a_host_that_cannot_be_read_is_an_os_error():
    with pytest.raises(OSError, match="cannot") as caught:
        xen_vman.plan(HOST, root="/nowhere/at/all")
    assert isinstance(caught.value, xen_vman.HostError)


def test_results_can_be_compared_printed_and_converted_to_dicts():
    one, other = xen_vman.render(HOST), xen_vman.render(HOST)
    assert one == other
    assert one.file("/etc/hostname", vm="a-web").to_dict()["content"] == b"a-web\n"
    assert repr(one.file("/etc/hostname", vm="a-web")).startswith("File(path='/etc/hostname', mode=420")
    with pytest.raises(AttributeError):
        one.files = ()
    with pytest.raises(KeyError):
        one.file("/etc/nothing")


def test_every_action_of_a_plan_can_be_read():
    fields = {field.name for field in dataclasses.fields(xen_vman.Action)}
    assert fields - {"diff"} == set(_core.ACTION_KEYS)


def test_explain_and_facts_return_results(tmp_path):
    (row,) = xen_vman.explain(HOST, "a-web", "memory")
    assert (row.value, row.origin, row.path, row.file) == (1024, "built-in", None, None)
    rows = xen_vman.explain(HOST, "a-web")
    assert rows == xen_vman.explain(HOST, "a-web") and len(set(rows)) == len(rows)
    assert {one.made_from for one in rows if one.key == "domain"} == {"org and name"}
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/xl").write_text("#!/bin/sh\n")
    (tmp_path / "usr/sbin/xl").chmod(0o755)
    found = xen_vman.facts(root=tmp_path)
    assert found == xen_vman.HostFacts(xl_path="/usr/sbin/xl")
    assert found.to_dict()["host_memory"] is None
    (row,) = xen_vman.explain(HOST, key="xl_path", facts=found)
    assert (row.value, row.origin) == ("/usr/sbin/xl", "fact")


def test_imported_files_give_a_definition(tmp_path):
    path = tmp_path / "web.cfg"
    path.write_text('name = "web"\nmemory = 512\nkernel = "/boot/k"\n')
    text, _ = xen_vman.import_xl_cfg(path)
    assert "memory" in text


def test_catalogue_and_schemas_are_available():
    known = {one.id: one for one in xen_vman.diagnostics()}
    assert known["bad-mac"].severity == "error"
    assert "vms" in xen_vman.schema()["properties"]
    assert "xen_vman_vms" in xen_vman.schema(role=True)["properties"]


def test_other_threads_keep_running():
    vms = [{**HOST["vms"][0], "name": f"web{i}", "interfaces": [{"ip": f"10.0.{i // 250}.{i % 250 + 1}/16"}]} for i in range(500)]
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.wait(0.001):
            ticks.append(None)

    ticker = threading.Thread(target=tick)
    ticker.start()
    xen_vman.render({**HOST, "vms": vms})
    stop.set()
    ticker.join()
    assert len(ticks) > 3


def test_a_thousand_vms_need_little_memory():
    program = (
        "import resource, sys; sys.path.insert(0, 'examples'); import many_vms, xen_vman\n"
        "xen_vman.render(many_vms.host(1000))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    package = pathlib.Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=package)
    assert int(done.stdout) < 200, f"{done.stdout} MiB"


def other_interpreters():
    """Each installed CPython, 3.9 or later, by version, except the one that runs the tests."""
    found = {}
    for minor in range(9, 20):
        of_pyenv = pathlib.Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")
        path = next(iter(sorted(of_pyenv)), None) or shutil.which(f"python3.{minor}")
        if path is not None and minor != sys.version_info.minor:
            found[f"3.{minor}"] = path
    return found


@pytest.mark.parametrize("python", other_interpreters().values(), ids=other_interpreters())
def test_one_wheel_works_with_all_interpreters(python, tmp_path):
    """Tests installed interpreters; skipped if there are no others."""
    with zipfile.ZipFile(wheel()) as archive:
        archive.extractall(tmp_path)
    code = (
        "import doctest, sys, xen_vman, xen_vman._functions, xen_vman._errors\n"
        "assert not any(doctest.testmod(one).failed for one in (xen_vman._functions, xen_vman._errors))\n"
        "print(xen_vman.__file__)"
    )
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([python, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(str(tmp_path))


LICENCES = ("LICENSE-APACHE", "LICENSE-MIT")


def test_the_wheel_has_licences_and_metadata():
    with zipfile.ZipFile(wheel()) as archive:
        base = f"xen_vman-{xen_vman.__version__}.dist-info"
        for name in LICENCES:
            text = (pathlib.Path(__file__).parents[2] / name).read_bytes()
            assert archive.read(f"{base}/licenses/{name}") == text
        metadata = archive.read(f"{base}/METADATA").decode()
    for line in ("License-Expression: MIT OR Apache-2.0", "Author: ", "Keywords: ", "Project-URL: Documentation, https://"):
        assert f"\n{line}" in metadata
    for target in re.findall(r"\]\((.*?)\)", metadata):
        assert target.startswith("https://"), f"{target} leads nowhere on PyPI"


@pytest.mark.skipif(not os.environ.get("XEN_VMAN_SLOW"), reason="builds the package again; set XEN_VMAN_SLOW=1 to run it")
def test_the_source_distribution_builds_offline(tmp_path):
    repository = pathlib.Path(__file__).parents[2]
    tools = pathlib.Path(sys.executable).parent
    environment = {
        **os.environ,
        "CARGO_NET_OFFLINE": "true",
        "CARGO_TARGET_DIR": str(repository / "target"),
        "MATURIN_PEP517_ARGS": "--profile dev",
        "PATH": f"{tools}:{os.environ['PATH']}",
    }
    for words in (
        [tools / "maturin", "sdist", "--manifest-path", repository / "xen-vman-py" / "Cargo.toml", "--out", tmp_path],
        [tools / "pip", "wheel", "--no-index", "--no-build-isolation", "--no-deps", "--no-cache-dir"]
        + ["--wheel-dir", tmp_path, tmp_path / f"xen_vman-{xen_vman.__version__}.tar.gz"],
        [tools / "pip", "install", "--no-index", "--no-deps", "--find-links", tmp_path, "--target", tmp_path / "site", "xen-vman"],
    ):
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    with tarfile.open(tmp_path / f"xen_vman-{xen_vman.__version__}.tar.gz") as archive:
        names = {pathlib.PurePath(name).relative_to(f"xen_vman-{xen_vman.__version__}") for name in archive.getnames()}
    assert names >= {pathlib.PurePath(name) for name in (*LICENCES, "README.md", "PKG-INFO")}
    assert not {"ansible_collections", "tests", "lab"} & {part for name in names for part in name.parts}
    code = "import xen_vman; print(xen_vman.__file__, xen_vman.check({'vms': []}))"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path / "site")}, capture_output=True, text=True, check=True)
    assert str(tmp_path) in done.stdout
