"""The Ansible collection: generated files are up to date, and Ansible's own tools accept the rest."""

import os
import re
import shutil
import sys
import tarfile

import pytest
import xen_vman
import yaml

from ansible_runs import REPOSITORY, run
from collection import COLLECTION, GENERATED, OF_THE_ROLE
from debian_host import missing


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_generated_files_are_up_to_date(path):
    text = GENERATED[path]()
    if os.environ.get("UPDATE_DOCS"):
        path.write_text(text)
    assert path.read_text() == text, "out of date; UPDATE_DOCS=1 rewrites it"


def test_the_collection_has_the_version_of_the_package():
    assert yaml.safe_load((COLLECTION / "galaxy.yml").read_text())["version"] == xen_vman.__version__


def test_the_archive_has_what_galaxy_wants_and_no_tests(tmp_path):
    done = run("ansible-galaxy", "collection", "build", "--output-path", tmp_path, COLLECTION, home=tmp_path)
    assert done.code == 0, done.text
    with tarfile.open(tmp_path / f"xen_vman-xen_vman-{xen_vman.__version__}.tar.gz") as archive:
        files = {member.name: member for member in archive if member.isfile()}
        for name in ("LICENSE-MIT", "LICENSE-APACHE"):
            assert archive.extractfile(files[name]).read() == (REPOSITORY / name).read_bytes()
    wanted = ("README.md", "CHANGELOG.md", "changelogs/changelog.yaml", "requirements.txt", "meta/execution-environment.yml")
    assert not {*wanted, "meta/runtime.yml", "roles/xen_vman/README.md", "plugins/modules/xen_host.py"} - files.keys()
    assert not [name for name in files if name.startswith("tests/") or "__pycache__" in name or name.startswith(".")]


def test_variables_that_only_the_role_uses_are_excluded_from_the_definition():
    text = (COLLECTION / "plugins" / "plugin_utils" / "definition.py").read_text()
    block = re.search(r"OF_THE_ROLE = frozenset\((.*?)\)", text, re.S)[1]
    assert set(re.findall(r'"(\w+)"', block)) == set(OF_THE_ROLE)


PLUGINS = [("module", "xen_host"), ("module", "xen_vm_info"), ("lookup", "files"), ("role", "xen_vman")]


@pytest.mark.parametrize(("kind", "name"), PLUGINS, ids=[name for _, name in PLUGINS])
def test_ansible_doc_shows_the_documentation(kind, name, tmp_path):
    done = run("ansible-doc", "--type", kind, f"xen_vman.xen_vman.{name}", home=tmp_path)
    assert done.code == 0, done.text
    assert "WARNING" not in done.text and "ERROR" not in done.text, done.text
    assert name in done.text


def test_ansible_lint_passes_for_production(tmp_path):
    # It only checks files that git tracks, and nothing above the collection.
    collection = tmp_path / "ansible_collections" / "xen_vman" / "xen_vman"
    shutil.copytree(COLLECTION, collection, ignore=shutil.ignore_patterns("output", "__pycache__"))
    done = run("ansible-lint", "--offline", "--profile", "production", home=tmp_path, cwd=collection)
    assert done.code == 0, done.text
    assert "Profile 'production' was required, and it passed" in done.text, done.text


@pytest.mark.slow
def test_ansible_test_sanity_passes(tmp_path):
    home = REPOSITORY / "target" / "ansible-test"
    collection = tmp_path / "ansible_collections" / "xen_vman" / "xen_vman"
    shutil.copytree(COLLECTION, collection, ignore=shutil.ignore_patterns("output", "__pycache__"))
    # It would download pip for its own environments; Python includes it.
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "get_pip_24_2.py").write_text("import ensurepip\nensurepip.bootstrap()\n")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    words = ["sanity", "--requirements", "--color", "no", "--python", version]
    done = run("ansible-test", *words, home=home, cwd=collection)
    if done.code != 0 and "No matching distribution" in done.text:
        missing("ansible-test cannot download its requirements")
    lines = done.text.splitlines()
    problems = [line for line in lines if line.startswith(("ERROR", "FATAL"))]
    assert done.code == 0, "\n".join(problems + ["The end of its output:"] + lines[-30:])
    assert "Running sanity test \"validate-modules\"" in done.text
