"""Parts of the collection that need no run of Ansible: versions, Debian packages, packages to publish."""

import base64
import io
import itertools
import pathlib
import shutil
import subprocess
import sys
import tarfile
import types

import pytest
from ansible.errors import AnsibleActionFail
from packaging.specifiers import SpecifierSet

import debian_packages
from debian_host import missing

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from ansible_collections.xen_vman.xen_vman.plugins.module_utils import versions  # noqa: E402
from ansible_collections.xen_vman.xen_vman.plugins.module_utils.packages import Wanted  # noqa: E402
from ansible_collections.xen_vman.xen_vman.plugins.plugin_utils import debs, engine  # noqa: E402

VERSIONS = ("0.0.9", "0.1.0rc1", "0.1", "0.1.0", "0.1.1", "0.1.10", "0.2.0rc1", "0.2.0", "1.0")
REQUIREMENTS = ("", "~=0.1.0", "~=0.1.1", "==0.1.0", "==0.1", ">=0.1.1", ">0.1.0", "!=0.1.1", ">=0.1.0, <1.0", "<=0.1.1")


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_versions_satisfy_what_pip_says(requirement):
    for version in VERSIONS:
        expected = SpecifierSet(requirement).contains(version, prereleases=True)
        assert versions.satisfies(version, f"xen-vman{requirement}") == expected, version
    assert versions.satisfies(None, f"xen-vman{requirement}") == (requirement == "")
    assert versions.satisfies("0.1.0", "xen-vman @ https://example.org/xen_vman.whl"), "only pip knows"


def test_ages_of_versions():
    assert [versions.is_older(version, "xen-vman~=0.1.0") for version in ("0.0.9", "0.1.0rc1", "0.1.0", "0.2.0")] == [True, True, False, False]


DEBIAN = ("0.1.0", "0.1.0-1", "0.1.0-1+b1", "0.1.0-1~bpo12+1", "0.1.0~rc1-1", "0.1.0+dfsg-1", "0.1.10-1", "0.1.2-1", "0.1.0-10", "0.1.0-0", "0.1.0a-1", "1:0.0.1", "0:0.1.0-1.1")


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is not installed")
def test_versions_of_debian_packages_are_ordered_as_by_dpkg():
    for one, other in itertools.product(DEBIAN, DEBIAN):
        order = versions.debian_order(one, other)
        relation = "lt" if order < 0 else "gt" if order > 0 else "eq"
        assert subprocess.run(["dpkg", "--compare-versions", one, relation, other], check=False).returncode == 0, (one, other)


def test_the_version_in_a_debian_version():
    found = {versions.of_debian(version) for version in ("0.1.0", "0.1.0-1", "0.1.0-1+b1", "0.1.0+dfsg-1", "1:0.1.0-1~bpo12+1")}
    assert found == {"0.1.0"} and versions.of_debian("0.1.0~rc1-2") == "0.1.0rc1"


def source(written, key=None):
    return debs.source_of(written, key, str)


def test_debian_packages_come_from_files_directories_and_repositories(tmp_path):
    if not debian_packages.ARCHITECTURE:
        missing("dpkg is not installed")
    packages = debian_packages.both(tmp_path / "debs")
    older = debian_packages.engine(tmp_path, "0.0.9-1")
    shutil.copy(older, packages)
    (packages / "other_1_all.deb").write_text("not ours, and not even a package")
    with pytest.raises(AnsibleActionFail, match=r"nothing\.deb is not a Debian package"):
        source([str(packages / "nothing.deb")])
    chosen = source(str(packages)).chosen(debian_packages.ARCHITECTURE)
    assert chosen.keys() == {"python3-xen-vman", "xen-vman"} and chosen["python3-xen-vman"].version != "0.0.9-1"
    assert source([str(older)]).chosen(None)["python3-xen-vman"].version == "0.0.9-1"
    with pytest.raises(AnsibleActionFail, match=f"python3-xen-vman for m68k.*contains: .*for {debian_packages.ARCHITECTURE}"):
        source(str(older)).chosen("m68k")
    assert isinstance(source("apt"), debs.Apt) and source(None) is None


# A key of Ed25519, made for these tests.
PUBLIC = """\
-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEaw16hBYJKwYBBAHaRw8BAQdABbg77q6N8HGysYjX9z74bU2TPP/Nx2QdNv8R
8cBP4KS0DWVAZXhhbXBsZS5vcmeIlgQTFggAPhYhBHBL4FCzeIM2Pbe6celtFzzm
gRXHBQJrDXqEAhsDBQkDwmcABQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEOlt
FzzmgRXHQa8A/RJsgl7C1wCJqvFUYCPYYp3VLEjHeHUxxQY3BiVZSv+SAQCSzlWm
0TVM8IyT/MV4WMtDE8JIgtjCeyuqmzPW2vMgAQ==
=6+/V
-----END PGP PUBLIC KEY BLOCK-----
"""
BINARY = base64.b64decode("".join(PUBLIC.split("\n\n")[1].split("\n=")[0].split()))
# A packet of a secret key begins with its type, 5, where one of a public key has 6.
SECRET = bytes([0x80 | 5 << 2]) + BINARY[1:]


@pytest.fixture
def key(tmp_path):
    (tmp_path / "key.asc").write_text(PUBLIC)
    return str(tmp_path / "key.asc")


def test_repositories_are_written_as_in_sources_list(key):
    for written, line in {
        "https://example.org/debian": "https://example.org/debian stable main",
        "http://example.org:8080/debian testing main contrib": "http://example.org:8080/debian testing main contrib",
        " https://example.org/a%20b/~c+d stable/updates non-free-firmware\n": "https://example.org/a%20b/~c+d stable/updates non-free-firmware",
        "file:///srv/flat ./": "file:///srv/flat ./",
        "https://example.org /": "https://example.org /",
    }.items():
        assert source(written, key).line == line


NO_SOURCES = (
    "", [], 5, "ftp://example.org/debian", "https://example.org/a.deb", "https://example.org/[trusted=yes] ./",
    "https://example.org/a#b stable main", "https://example.org/debian stable#x main", 'https://example.org stable "main"',
    "https://example.org 'stable' main", "https://example.org [trusted=yes] main", "https://example.org/a\"b stable main",
    "https://example.org stable main\ndeb https://example.com stable main", "https://example.org stable\x0bmain",
    "https://example.org stable\u00a0main", "https://example.org stable ma\x00in", "https://example.org/$(ARCH) stable main",
    "https:// stable main", "file://srv/flat ./", "HTTPS://example.org stable main", "deb https://example.org stable main",
    "https://example.org/%0a stable main", "https://example.org/%zz stable main", "https://example.org stable main/",
    ["https://example.org stable main"],
)


@pytest.mark.parametrize("written", NO_SOURCES, ids=repr)
def test_what_is_no_source_of_packages_says_what_is(written, key):
    with pytest.raises(AnsibleActionFail, match="an apt repository such as"):
        source(written, key)


@pytest.mark.parametrize("written", ["https://example.org / main", "https://example.org ./ main contrib"])
def test_a_directory_of_a_repository_has_no_components(written, key):
    with pytest.raises(AnsibleActionFail, match="has no components: leave out `main"):
        source(written, key)


@pytest.mark.parametrize("written", ["https://user:sesame@example.org stable main", "http://sesame@example.org", "https://u:sesame /@example.org ./", ["https://u:sesame@h"]], ids=str)
def test_passwords_do_not_belong_into_the_address_of_a_repository(written, key):
    with pytest.raises(AnsibleActionFail) as failed:
        source(written, key)
    assert "sesame" not in str(failed.value)
    assert isinstance(written, list) or "apt_auth.conf(5)" in str(failed.value)


@pytest.mark.parametrize("content", [PUBLIC.encode(), PUBLIC.replace("\n", "\r\n").encode(), BINARY, BINARY + BINARY], ids=["text", "text-of-windows", "binary", "two"])
def test_public_keys_are_accepted(content, tmp_path):
    (tmp_path / "key").write_bytes(content)
    assert source("https://example.org", str(tmp_path / "key")).key == str(tmp_path / "key")


KEYS = {
    "private": (PUBLIC.replace("PUBLIC", "PRIVATE").encode(), "contains a private key"),
    "private-after-public": ((PUBLIC + PUBLIC.replace("PUBLIC", "PRIVATE")).encode(), "contains a private key"),
    "private-binary": (SECRET, "contains a private key"),
    "private-after-public-binary": (BINARY + SECRET, "contains a private key"),
    "private-in-disguise": (PUBLIC.replace(PUBLIC.split("\n\n")[1].split("\n=")[0], base64.encodebytes(SECRET).decode().strip()).encode(), "contains a private key"),
    "of-ssh": (b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n", "contains a private key"),
    "a-signature": (BINARY[BINARY.index(b"\x88\x96") :], "not a public key of OpenPGP"),
    "empty": (b"", "not a public key of OpenPGP"),
    "text": (b"ssh-ed25519 AAAA", "neither ASCII-armored nor"),
    "truncated": (PUBLIC[:200].encode(), "must be complete"),
    "truncated-binary": (BINARY[:-1], "it is truncated"),
}


@pytest.mark.parametrize("name", KEYS)
def test_only_a_public_key_is_given_to_hosts(name, tmp_path):
    content, message = KEYS[name]
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(AnsibleActionFail, match=message):
        source("https://example.org", str(tmp_path / "key"))


def test_a_repository_needs_a_key():
    with pytest.raises(AnsibleActionFail, match="xen_vman_deb_key must be the file of its public key"):
        source("https://example.org/debian")


def member(name, content, size=None):
    """A member of an ar archive."""
    length = str(len(content) if size is None else size)
    return f"{name:16}{'0':12}{'0':6}{'0':6}{'100644':8}{length:10}`\n".encode() + content + b"\n" * (len(content) % 2)


def package(control="Package: python3-xen-vman\nVersion: 0.1.0-1\nArchitecture: all\n", mode="w:xz", cut=None):
    """The content of a .deb, whose control.tar may be cut off."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:
        found = tarfile.TarInfo("./control")
        found.size = len(control)
        archive.addfile(found, io.BytesIO(control.encode()))
    end = mode.partition(":")[2]
    return b"!<arch>\n" + member("debian-binary", b"2.0\n") + member(f"control.tar.{end}", made.getvalue()[:cut]) + member("data.tar.xz", b"")


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2"])
def test_packages_say_what_they_are(mode, tmp_path):
    (tmp_path / "some.deb").write_bytes(package(mode=mode))
    assert debs.read(str(tmp_path / "some.deb"))[1:] == ("python3-xen-vman", "0.1.0-1", "all")


def test_a_package_that_python_cannot_decompress_is_what_its_name_says(tmp_path):
    content = b"!<arch>\n" + member("debian-binary", b"2.0\n") + member("control.tar.zst", b"?") + member("data.tar.zst", b"?")
    for name, expected in {"xen-vman_1%3a0.1.0-1_amd64.deb": ("xen-vman", "1:0.1.0-1", "amd64"), "some.deb": None}.items():
        (tmp_path / name).write_bytes(content)
        if expected:
            assert debs.read(str(tmp_path / name))[1:] == expected
        else:
            with pytest.raises(AnsibleActionFail, match="is not a Debian package: this Python cannot read control.tar.zst"):
                debs.read(str(tmp_path / name))


DAMAGED = {
    "empty": b"",
    "cut-in-control-xz": package(cut=100),
    "cut-in-control-gz": package(mode="w:gz", cut=80),
    "cut-in-control-bz2": package(mode="w:bz2", cut=80),
    "cut-in-header": package()[:90],
    "cut-in-member": package()[:200],
    "cut-before-data": package()[:-60],
    "cut-in-data": package()[:-60] + member("data.tar.xz", b"", 100),
    "negative-size": b"!<arch>\n" + member("debian-binary", b"", -60),
    "no-control": package("Package: xen-vman\n"),
    "version": package("Package: python3-xen-vman\nVersion: x:1\nArchitecture: all\n"),
    "long-version": package(f"Package: python3-xen-vman\nVersion: {'1' * 5000}\nArchitecture: all\n"),
    "name": package("Package: ../x\nVersion: 1\nArchitecture: all\n"),
    "no-text": package("Package: \0\n"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_packages_are_reported(name, tmp_path):
    # The usual name does not help.
    path = tmp_path / "python3-xen-vman_0.1.0-1_all.deb"
    path.write_bytes(DAMAGED[name])
    with pytest.raises(AnsibleActionFail, match=r"all\.deb is not a Debian package: .*; nothing was changed"):
        source(str(path)).chosen(None)


class Sending(engine.EngineAction):
    """An action that notes what it sends."""

    def __init__(self):
        self.sent = {}
        self._connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/tmp/run", join_path=lambda *parts: "/".join(parts)))

    def _transfer_file(self, local_path, remote_path):
        assert remote_path not in self.sent, "it would be overwritten"
        self.sent[remote_path] = local_path
        return remote_path


def test_packages_are_sent_under_their_own_names(tmp_path):
    """Files may have the same name, and need not end in .deb."""
    for name in ("python3-xen-vman", "xen-vman"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "latest").write_bytes(package(f"Package: {name}\nVersion: 0.1.0-1\nArchitecture: all\n"))
    action = Sending()
    files = source([str(tmp_path / "python3-xen-vman/latest"), str(tmp_path / "xen-vman/latest")])
    module, apt, sent = action._from_files(engine.Host("amd64", {}, None, None), files, "xen-vman~=0.1.0")
    assert module == "/tmp/run/python3-xen-vman.deb", "the module unpacks it"
    assert sorted(sent) == ["/tmp/run/python3-xen-vman.deb", "/tmp/run/xen-vman.deb"] == sorted(apt["files"]) == sorted(action.sent)
    assert Wanted([], apt["files"]).steps() == ["install the Debian packages python3-xen-vman, xen-vman"]


def test_both_packages_are_upgraded_from_a_repository():
    for version, names in {"0.0.9-1": ["python3-xen-vman", "xen-vman"], "0.1.0-1": []}.items():
        host = engine.Host("amd64", {"python3-xen-vman": version, "xen-vman": version}, None, None)
        _, apt, _ = Sending()._package(host, "/opt/venv", None, "xen-vman~=0.1.0", debs.Apt())
        assert apt == {"names": names}
