"""Parts of the collection that need no run of Ansible: versions, Debian packages, packages to publish."""

import itertools
import pathlib
import shutil
import subprocess
import sys

import pytest
from ansible.errors import AnsibleActionFail
from packaging.specifiers import SpecifierSet

import debian_packages
from debian_host import missing

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from ansible_collections.xen_vman.xen_vman.plugins.module_utils import versions  # noqa: E402
from ansible_collections.xen_vman.xen_vman.plugins.plugin_utils import debs  # noqa: E402

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
    assert source("https://example.org/debian", "key").line == "https://example.org/debian stable main"
    assert source("http://example.org/debian testing main contrib", "key").line == "http://example.org/debian testing main contrib"
    assert source("file:///srv/flat ./", "key").line == "file:///srv/flat ./"
    assert isinstance(source("apt"), debs.Apt) and source(None) is None


@pytest.mark.parametrize("written", ["", [], 5, "ftp://example.org/debian", "https://example.org/a.deb", "https://example.org/[trusted=yes] ./"], ids=str)
def test_what_is_no_source_of_packages_says_what_is(written):
    with pytest.raises(AnsibleActionFail, match="an apt repository such as"):
        source(written, "key")


def test_a_repository_needs_a_key():
    with pytest.raises(AnsibleActionFail, match="xen_vman_deb_key must be the file of its public key"):
        source("https://example.org/debian")
