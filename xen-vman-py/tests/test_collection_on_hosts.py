"""Parts of the collection that modules use on a host: files, and packages with stand-ins for dpkg and apt-get."""

import os
import pathlib
import stat
import subprocess
import sys

import pytest

import debian_packages
from ansible_runs import playbook
from debian_host import missing

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from ansible_collections.xen_vman.xen_vman.plugins.module_utils import outcome, packages  # noqa: E402
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


UNMET = """\
The following packages have unmet dependencies:
 python3-xen-vman : Depends: of-nobody but it is not installable
                    Depends: libc6 (>= 2.99) but 2.36-9 is to be installed
E: Unable to correct problems, you have held broken packages.
"""


class Apt:
    """apt-get and dpkg of a host, on which this version is installed, and the lists know another one."""

    def __init__(self, installed="0.0.9-1", known="0.0.9-1", released="0.1.0-1", fails=()):
        self.installed, self.known, self.released, self.fails = installed, known, released, fails
        self.calls = []
        self.statuses = {"python3": "installed 3.11.2-1+b1", "libc6": "installed 2.36-9", "gone": "config-files 1.0"}

    def __call__(self, words):
        if words[0] == "dpkg-deb":
            return subprocess.run(words, capture_output=True, text=True, check=False)
        if words[0] == "dpkg-query":
            return subprocess.CompletedProcess(words, 0, self.query(words))
        if "--simulate" in words:
            return subprocess.CompletedProcess(words, 100, UNMET)
        action = next(word for word in words[1:] if word in ("update", "install", "--install"))
        is_own = "--option=Dir::Etc::SourceParts=/dev/null" in words
        self.calls.append(f"{words[0]} {action.strip('-')}{' own' if is_own else ''}")
        if self.calls[-1] in self.fails:
            return subprocess.CompletedProcess(words, 100, "E: it failed\n")
        if action == "update":
            self.known = self.released
        elif action == "install" and self.installed < self.known:
            self.installed = self.known
        return subprocess.CompletedProcess(words, 0, "")

    def query(self, words):
        names = [word for word in words[4:] if word in self.statuses] or self.statuses
        lines = ((*self.statuses[name].split(), name) for name in names)
        order = "{status} {name} {version}\n" if "Version" in words[3] else "{status} {name}\n"
        return "".join(order.format(status=status, version=version, name=name) for status, version, name in lines)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A host with package lists of today, and a key."""
    for name in ("lists", "sources"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(packages, "LISTS", str(tmp_path / "lists"))
    monkeypatch.setattr(packages, "SOURCE", str(tmp_path / "sources/xen-vman.list"))
    monkeypatch.setattr(packages, "KEYS", str(tmp_path / "keyrings/xen-vman"))
    (tmp_path / "key").write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    return tmp_path


def use(monkeypatch, apt):
    monkeypatch.setattr(packages, "call", apt)
    return apt


LINE = "https://example.org stable main"


@pytest.mark.parametrize("source", ["repository", "apt"])
def test_an_upgrade_updates_the_lists_first(source, place, monkeypatch):
    """Those of today may be older than the release."""
    more = [LINE, str(place / "key")] if source == "repository" else []
    apt = use(monkeypatch, Apt())
    if more:
        packages.Wanted([], [], *more).install()
        apt.known, apt.calls = "0.0.9-1", []
    assert packages.Wanted(["python3-xen-vman"], [], *more).install() is None
    assert apt.installed == "0.1.0-1"
    assert apt.calls == ["apt-get update own" if more else "apt-get update", "apt-get install"]
    # Other packages need no update.
    apt.calls = []
    packages.Wanted(["nfs-common"], [], *more).install()
    assert apt.calls == ["apt-get install"]


def test_an_upgrade_says_why_the_lists_are_old(place, monkeypatch):
    use(monkeypatch, Apt(fails=["apt-get update"]))
    assert "`apt-get update` failed with status 100\nE: it failed" in packages.Wanted(["python3-xen-vman"], []).install()


def test_old_lists_stay_old_if_only_one_repository_is_updated(place, monkeypatch):
    os.utime(place / "lists", (0, 0))
    monkeypatch.setattr(packages, "seconds_since_update", lambda: packages.time.time() - (place / "lists").stat().st_mtime)
    apt = Apt()

    def call(words):
        done = apt(words)
        if "update" in words:
            os.utime(place / "lists")
        return done

    monkeypatch.setattr(packages, "call", call)
    packages.Wanted(["nfs-common"], [], LINE, str(place / "key")).install()
    assert apt.calls == ["apt-get update own", "apt-get update", "apt-get install"]


@pytest.mark.parametrize("before", [None, "deb https://example.com stable main\n"])
def test_a_repository_that_apt_cannot_use_is_not_added(before, place, monkeypatch):
    """It would break all other calls of apt-get."""
    path = place / "sources/xen-vman.list"
    if before is not None:
        path.write_text(before)
    use(monkeypatch, Apt(fails=["apt-get update own"]))
    with pytest.raises(outcome.Failed, match="E: it failed\nThe repository https://example.org stable main was not added"):
        packages.Wanted(["python3-xen-vman"], [], LINE, str(place / "key")).install()
    assert (path.read_text() if path.exists() else None) == before
    assert os.listdir(place / "sources") == ([path.name] if before else [])
    assert os.listdir(place / "keyrings") == []
    use(monkeypatch, Apt())
    packages.Wanted(["python3-xen-vman"], [], LINE, str(place / "key")).install()
    assert path.read_text().endswith(f"deb [signed-by={place}/keyrings/xen-vman.asc] {LINE}\n")
    assert mode(path) == mode(place / "keyrings/xen-vman.asc") == 0o644, "apt reads them as another user"


def deb(directory, depends, more=""):
    if not debian_packages.ARCHITECTURE:
        missing("dpkg is not installed")
    tree = directory / "tree"
    tree.mkdir()
    return str(debian_packages.pack(directory, tree, "python3-xen-vman", "0.1.0-1", depends + more))


DEPENDS = {
    "libc6 (>= 2.34), python3 (>= 3.9)": True,
    "libc6 (>> 2.35), python3:any (<< 4)": True,
    "nothere | python3 (= 3.11.2-1+b1)": True,
    "python3-xen-vman (= 0.1.0-1)": True,
    "libc6 (>= 2.37)": False,
    "python3, nothere": False,
    "gone": False,
    "libc6 (<= 2.36-8)": False,
}


@pytest.mark.parametrize("depends", DEPENDS)
def test_dpkg_is_used_only_if_all_dependencies_are_there(depends, tmp_path, place, monkeypatch):
    """Otherwise it unpacks the package and then fails."""
    apt = use(monkeypatch, Apt())
    packages.Wanted([], [deb(tmp_path, depends)]).install()
    assert apt.calls == (["dpkg install"] if DEPENDS[depends] else ["apt-get install"])


@pytest.mark.parametrize("field", ["Conflicts", "Breaks"])
def test_conflicts_are_left_to_apt(field, tmp_path, place, monkeypatch):
    apt = use(monkeypatch, Apt())
    packages.Wanted([], [deb(tmp_path, "python3", f"\n{field}: python3")]).install()
    assert apt.calls == ["apt-get install"]


@pytest.mark.parametrize("status", ["installed", "unpacked", "half-configured"])
def test_a_failure_says_how_to_repair_what_is_half_installed(status, tmp_path, place, monkeypatch):
    apt = use(monkeypatch, Apt(fails=["dpkg install", "apt-get install"]))
    apt.statuses["python3-xen-vman"] = f"{status} 0.1.0-1"
    with pytest.raises(outcome.Failed) as failed:
        packages.Wanted([], [deb(tmp_path, "python3")]).install()
    assert apt.calls == ["dpkg install", "apt-get install", "apt-get update", "apt-get install"]
    said = "Not completely installed: python3-xen-vman. `dpkg --configure --pending` and `apt-get --fix-broken install`" in str(failed.value)
    assert said == (status != "installed")
    assert "Depends: of-nobody but it is not installable\n                    Depends: libc6 (>= 2.99)" in str(failed.value)
