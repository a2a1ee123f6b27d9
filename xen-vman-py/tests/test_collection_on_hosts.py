"""Parts of the collection that modules use on a host: files, and packages with stand-ins for dpkg and apt-get."""

import os
import pathlib
import stat
import sys

import pytest

from ansible_runs import playbook

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from ansible_collections.xen_vman.xen_vman.plugins.module_utils import outcome  # noqa: E402
from ansible_collections.xen_vman.xen_vman.plugins.module_utils.definition_file import OURS, DefinitionFile  # noqa: E402


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("left", ["nothing", "file", "link"])
def test_only_the_owner_can_read_what_is_written_whatever_was_left_there(left, tmp_path):
    path, new, other = (tmp_path / name for name in ("a.toml", "a.toml.new", "other"))
    other.write_text("of somebody else")
    if left == "file":
        new.write_text("of an interrupted run")
        new.chmod(0o644)
    elif left == "link":
        new.symlink_to(other)
    before = os.umask(0)
    try:
        outcome.write(str(path), "secret")
    finally:
        os.umask(before)
    assert path.read_text() == "secret" and mode(path) == 0o600 and not path.is_symlink()
    assert other.read_text() == "of somebody else" and not new.exists()


def make(path, kind):
    if kind == "link":
        (path.parent / "target").write_bytes(OURS)
        path.symlink_to(path.parent / "target")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()


@pytest.mark.parametrize("kind", ["directory", "link", "fifo"])
def test_a_definition_replaces_nothing_but_a_file(kind, tmp_path):
    file = DefinitionFile(str(tmp_path), {}, lambda _: "")
    assert file.conflict() is None
    file.write()
    assert file.conflict() is None
    os.unlink(file.path)
    make(pathlib.Path(file.path), kind)
    assert "ansible.toml is not a regular file" in file.conflict()
    (tmp_path / "host/etc").mkdir(parents=True)
    (tmp_path / "host/etc/xen-vman").write_text("")
    assert "etc/xen-vman is not a directory" in DefinitionFile(str(tmp_path / "host"), {}, lambda _: "").conflict()


@pytest.mark.parametrize("name", ["ansible.toml", "ansible.toml.new"])
def test_a_run_succeeds_if_its_definition_cannot_be_left_there(name, tmp_path):
    (tmp_path / "root/etc/xen-vman" / name).mkdir(parents=True)
    task = {"root": str(tmp_path / "root"), "definition": {"vms": []}, "keep_definition": True, "preflight": False}
    plays = [{"hosts": "all", "gather_facts": False, "tasks": [{"xen_vman.xen_vman.xen_host": task}]}]
    done = playbook(tmp_path, plays, {"host": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}})
    assert done.recap("host")["failed"] == 0, done.text
    assert "of this run was not left" in " ".join(done.text.split()), done.text
    assert os.listdir(tmp_path / "root/etc/xen-vman") == [name]
