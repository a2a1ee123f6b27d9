"""The role on a Debian host, over ssh. Each test continues from the state that the previous one left."""

import json
import os
import re
import shutil
import subprocess
import time

import pytest
import xen_vman

import debian_host
import debian_packages
from ansible_runs import BIN, REPOSITORY, environment, package_on_the_controller, playbook, run, wheel, without_the_package, write_play

ROLE = "xen_vman.xen_vman.xen_vman"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    if os.geteuid() != 0:
        debian_host.missing("containers need root")
    for program in debian_host.PROGRAMS:
        if shutil.which(program) is None:
            debian_host.missing(f"{program} is not installed")
    found = debian_host.Host(tmp_path_factory.mktemp("host"))
    yield found
    found.stop()


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    """A directory with both Debian packages, as xen_vman_deb."""
    if not debian_packages.ARCHITECTURE:
        debian_host.missing("dpkg is not installed")
    return str(debian_packages.both(tmp_path_factory.mktemp("debs")))


@pytest.fixture
def home(tmp_path):
    return tmp_path


def vm(name, address, **keys):
    return {
        "org": "org",
        "name": name,
        "os": {"type": "debian", "version": "bookworm"},
        "interfaces": [{"ip": f"{address}/24"}],
        **keys,
    }


def variables(host, *vms, user="root", **more):
    host.ask("mkdir -p " + " ".join(f"/srv/nfs/tank/org/{one['name']}-root" for one in vms))
    return {
        "dom0": {
            **host.variables(user),
            "xen_vman_nfsroot_base": "10.0.0.5:/tank",
            "xen_vman_vms": list(vms),
            # Otherwise the connecting user, which differs between tests.
            "xen_vman_guest_user": "admin",
            # There is no Xen in a container.
            "xen_vman_preflight": False,
            **more,
        }
    }


PLAY = [{"hosts": "dom0", "gather_facts": False, "roles": [ROLE]}]
WEB = vm("web", "10.0.0.15")


def counts(done):
    found = done.recap("dom0")
    assert found["unreachable"] == 0, done.text
    return found


def test_a_wrong_definition_fails_before_the_first_change(host, debs, home):
    before = host.tree()
    wrong = vm("web", "10.0.0.15", memory="much")
    wrong["interfaces"][0]["mac"] = "zz"
    done = playbook(home, PLAY, variables(host, WEB, WEB, WEB, wrong, xen_vman_deb=debs))
    assert counts(done)["failed"] == 1 and counts(done)["changed"] == 0, done.text
    assert "\n- xen_vman_vms[3].interfaces[0].mac: `zz` must be" in done.text
    assert "\n- xen_vman_vms[3].memory: expected an integer" in done.text
    assert changed(before, host.tree()) == ["/srv/nfs/tank/org"]


def changed(before, after):
    """The paths that differ, except the exports of VMs, which the tests create."""
    paths = {line.split(" ", 1)[0] for line in set(before) ^ set(after)}
    return sorted(path for path in paths if not path.startswith("/srv/nfs/tank/org/"))


def test_without_any_source_of_the_package_nothing_is_changed(host, home):
    before = host.tree()
    for words in [], ["--check"]:
        done = playbook(home, PLAY, variables(host, WEB), *words, env=without_the_package(home))
        assert counts(done)["failed"] == 1, done.text
        for way in ("xen_vman_deb", "xen_vman_wheel", "xen_vman_pip_args"):
            assert f"set {way} to" in done.text, done.text
    assert changed(before, host.tree()) == []


def test_a_host_without_xen_is_noticed_before_the_first_change(host, debs, home):
    before = host.tree()
    done = playbook(home, PLAY, variables(host, WEB, xen_vman_deb=debs, xen_vman_preflight=True))
    assert counts(done)["failed"] == 1, done.text
    assert "is not running under Xen; nothing was changed. Install xen-system-" in " ".join(done.text.split()), done.text
    assert changed(before, host.tree()) == []


def test_check_mode_on_an_empty_host_shows_the_changes_and_writes_nothing(host, debs, home):
    before = host.tree()
    done = playbook(home, PLAY, variables(host, WEB, xen_vman_deb=debs), "--check", "--diff")
    assert counts(done)["failed"] == 0 and counts(done)["changed"] == 1, done.text
    for line in ("+++ /etc/xen/vms/org-web.cfg", "+name = \"org-web\"", "install org-web on 10.0.0.5:/tank/org/web-root"):
        assert line in done.text, done.text
    assert "install the Debian packages python3-xen-vman, xen-vman, debootstrap, " in done.text, done.text
    assert "write /etc/xen-vman/ansible.toml (0600)" in done.text, done.text
    assert changed(before, host.tree()) == []


def test_the_first_run_installs_packages_the_engine_and_the_guest(host, debs, home):
    done = playbook(home, PLAY, variables(host, WEB, xen_vman_deb=debs))
    assert counts(done)["failed"] == 0 and counts(done)["changed"] == 1, done.text
    assert "dom0: [" in done.text, "an installation shows its progress"
    assert host.ask("systemctl is-active vm@org-web") == "active"
    assert host.ask("systemctl is-enabled vm@org-web") == "enabled"
    assert host.ask("/usr/bin/python3 -c 'import xen_vman; print(xen_vman.__version__)'") == xen_vman.__version__
    for name in ("nfs-common", "xen-vman"):
        assert host.ask(f"dpkg-query -W -f '${{db:Status-Status}}' {name}") == "installed"
    assert host.ask("ls /opt") == "", "there is no virtual environment"
    assert host.ask("ls -A /root/.ansible/tmp") == ""
    assert host.ask("cat /srv/nfs/tank/org/web-root/etc/hostname") == "org-web"
    assert "Ansible managed" in host.ask("head -1 /etc/xen/vms/org-web.cfg")


def command_line(host):
    """The command line of this repository, on the host."""
    program = REPOSITORY / "target" / "debug" / "xen-vman-cli"
    if not program.exists():
        debian_host.missing("xen-vman-cli is not built (`make build`)")
    shutil.copy(program, host.root / "usr/local/bin/xen-vman-cli")
    return "/usr/local/bin/xen-vman-cli"


def test_the_command_line_finds_the_definition_on_the_host(host, home):
    """Ansible leaves it there, with all expressions evaluated."""
    (home / "files").mkdir()
    (home / "files" / "vif-own").write_text("#!/bin/sh\n")
    hosts = variables(
        host,
        vm("web", "10.0.0.15", description="{{ 'a \"b\"' }}", extra={"rack": 7}),
        xen_vman_default_gateway="10.0.0.{{ 1 if vm.name == 'web' else 2 }}",
        xen_vman_default_cmdline="root={{ vm.extra.rack }}",
        xen_vman_additional_network_scripts=["vif-own"],
    )
    done = playbook(home, PLAY, hosts, "--diff")
    assert counts(done)["failed"] == 0 and counts(done)["changed"] == 1, done.text
    cli = command_line(host)
    assert "nothing to do" in host.ask(f"{cli} plan 2>&1")
    assert "org-web" in host.ask(f"{cli} status")
    assert "root=7" in host.ask("cat /etc/xen-vman/ansible.toml")
    assert host.ask("stat -c %a-%U /etc/xen-vman/ansible.toml") == "600-root"
    again = playbook(home, PLAY, hosts)
    assert counts(again)["changed"] == 0, again.text
    # Other definitions are the administrator's.
    host.ask("cp /etc/xen-vman/ansible.toml /etc/xen-vman/own.toml; echo '# mine' >/etc/xen-vman/ansible.toml")
    for other in "/etc/xen-vman/own.toml", "/etc/xen-vman/ansible.toml":
        conflict = playbook(home, PLAY, hosts)
        assert counts(conflict)["changed"] == 0 and counts(conflict)["failed"] == 0, conflict.text
        assert f"Ansible did not write {other}" in " ".join(conflict.text.split()), conflict.text
        assert host.ask("cat /etc/xen-vman/ansible.toml") == "# mine"
        host.ask("rm -f /etc/xen-vman/own.toml")
    host.ask("rm /etc/xen-vman/ansible.toml")
    # The guest was started with the other settings.
    back = playbook(home, PLAY, variables(host, WEB, xen_vman_prune=True))
    assert counts(back)["failed"] == 0, back.text
    host.ask("systemctl restart vm@org-web")


def test_ad_hoc_commands_need_no_arguments(host, home):
    write_play(home, PLAY, variables(host, WEB))
    done = run("ansible", "-i", "hosts.json", "dom0", "-m", "xen_vman.xen_vman.xen_vm_info", home=home, env=without_the_package(home))
    assert '"domain": "org-web"' in done.text and '"installed": "yes"' in done.text, done.text
    # Without variables, the definition on the host is used.
    write_play(home, PLAY, {"dom0": host.variables()})
    done = run("ansible", "-i", "hosts.json", "dom0", "-m", "xen_vman.xen_vman.xen_vm_info", home=home, env=without_the_package(home))
    assert '"domain": "org-web"' in done.text and '"is_defined": true' in done.text, done.text


@pytest.mark.parametrize("words", [[], ["--check", "--diff"]], ids=["run", "check"])
@pytest.mark.parametrize("user", ["root", pytest.param("deploy", marks=pytest.mark.slow)])
def test_the_second_run_changes_nothing(host, home, user, words):
    """With either user; `deploy` becomes root."""
    before = host.tree()
    done = playbook(home, PLAY, variables(host, WEB, user=user), *words)
    assert counts(done)["failed"] == 0 and counts(done)["changed"] == 0, done.text
    assert changed(before, host.tree()) == []


def version_on(host, name="python3-xen-vman"):
    return host.ask(f"dpkg-query -W -f '${{db:Status-Status}} ${{Version}}' {name} || true").removeprefix("installed ")


def test_packages_are_upgraded_and_never_downgraded(host, home):
    """Nothing needs to be set if the host has an allowed version; any other is an error."""
    major, minor, patch = xen_vman.__version__.split(".")
    newer = f"{major}.{minor}.{int(patch) + 1}-1"
    before = version_on(host)

    def converge(*files, env=None):
        more = {"xen_vman_deb": [str(path) for path in files]} if files else {}
        return playbook(home, PLAY, variables(host, WEB, **more), env=env)

    upgraded = converge(debian_packages.engine(home, newer, "__version__ = 'newer'\n"))
    assert counts(upgraded)["failed"] == 0 and counts(upgraded)["changed"] == 1, upgraded.text
    assert version_on(host) == newer
    kept = converge(debian_packages.engine(home, before))
    assert counts(kept)["failed"] == 0 and counts(kept)["changed"] == 0, kept.text
    assert f"python3-xen-vman {newer} on the host is newer than" in " ".join(kept.text.split()), kept.text
    for version, age in ("0.0.9-1", "older"), (f"{major}.{int(minor) + 1}.0-1", "newer"):
        wrong = debian_packages.engine(home, version, "raise RuntimeError('the wrong version was used')\n")
        refused = converge(wrong)
        assert counts(refused)["failed"] == 1 and f"python3-xen-vman {version}, but this collection requires" in refused.text, refused.text
        shutil.copy(wrong, host.root / "srv/wrong.deb")
        host.ask("dpkg --install /srv/wrong.deb")
        refused = converge()
        assert counts(refused)["failed"] == 1, refused.text
        assert f"python3-xen-vman {version} on the host is {age} than the collection" in refused.text, refused.text
        assert version_on(host) == version
        right = converge(debian_packages.engine(home, f"{xen_vman.__version__}-1"))
        assert counts(right)["failed"] == (age == "newer"), right.text
    assert version_on(host) == f"{major}.{int(minor) + 1}.0-1", "the role never downgrades"
    host.ask("dpkg --remove python3-xen-vman xen-vman")


def test_a_package_that_cannot_be_installed_does_not_break_dpkg(host, debs, home):
    made = home / "made"
    made.mkdir()
    wrong = debian_packages.engine(made, f"{xen_vman.__version__}-9", depends="python3, of-nobody")
    refused = playbook(home, PLAY, variables(host, WEB, xen_vman_deb=str(wrong)))
    assert counts(refused)["failed"] == 1 and "of-nobody" in refused.text, refused.text
    assert host.ask("dpkg --audit") == "" and version_on(host) != f"{xen_vman.__version__}-9"
    host.ask("apt-get check")


def repository(home, directory):
    """Makes a signed apt repository in a directory of the host; returns the file of its key."""
    if shutil.which("gpg") is None:
        debian_host.missing("gpg is not installed")
    debian_packages.both(directory / "pool")
    packages = directory / "dists/stable/main/binary-" f"{debian_packages.ARCHITECTURE}" / "Packages"
    packages.parent.mkdir(parents=True)
    packages.write_text("".join(debian_packages.entry(path, directory) for path in (directory / "pool").glob("*.deb")))
    release = debian_packages.release(packages, directory / "dists/stable")
    key = home / "key.asc"
    (home / "gnupg").mkdir(mode=0o700)
    with debian_packages.keyring(home / "gnupg") as environment:

        def gpg(*words, given=b""):
            command = ["gpg", "--batch", "--quiet", "--passphrase", "", *words]
            return subprocess.run(command, env=environment, input=given, check=True, capture_output=True).stdout

        gpg("--quick-generate-key", "tests@example.org", "rsa2048", "sign")
        key.write_bytes(gpg("--armor", "--export"))
        gpg("--clearsign", "--output", directory / "dists/stable/InRelease", given=release.encode())
    return key


def test_packages_can_come_from_an_apt_repository(host, home):
    key = repository(home, host.root / "srv/repository")
    hosts = variables(host, WEB, xen_vman_deb="file:///srv/repository stable main", xen_vman_deb_key="key.asc")
    env = without_the_package(home)
    before = host.tree()
    wrong = {"dom0": {**hosts["dom0"], "xen_vman_deb": "file:///srv/nothing stable main"}}
    refused = playbook(home, PLAY, wrong, env=env)
    assert counts(refused)["failed"] == 1 and "/srv/nothing stable main was not added" in " ".join(refused.text.split()), refused.text
    assert "xen-vman" not in host.ask("ls /etc/apt/sources.list.d /etc/apt/keyrings; apt-get check")
    before = host.tree()
    check = playbook(home, PLAY, hosts, "--check", env=env)
    assert counts(check)["failed"] == 0 and counts(check)["changed"] == 1, check.text
    assert "cannot check the definition yet" in check.text, check.text
    assert changed(before, host.tree()) == []
    done = playbook(home, PLAY, hosts, env=env)
    assert counts(done)["failed"] == 0 and counts(done)["changed"] == 1, done.text
    assert "[signed-by=/etc/apt/keyrings/xen-vman.asc] file:///srv/repository stable main" in host.ask("cat /etc/apt/sources.list.d/xen-vman.list")
    assert version_on(host) and version_on(host, "xen-vman")
    again = playbook(home, PLAY, hosts, env=env)
    assert counts(again)["failed"] == 0 and counts(again)["changed"] == 0, again.text
    # Then apt knows them.
    host.ask("dpkg --remove python3-xen-vman xen-vman")
    known = playbook(home, PLAY, variables(host, WEB, xen_vman_deb="apt"))
    assert counts(known)["failed"] == 0 and counts(known)["changed"] == 1, known.text
    assert version_on(host) and version_on(host, "xen-vman")
    assert key.exists()


# A Python that makes modules see Xen 4.20.
NEWER_XEN = """\
#!/bin/sh
exec unshare --mount sh -ec '
mount -t tmpfs none /sys
mkdir -p /sys/hypervisor/version
echo 4 >/sys/hypervisor/version/major
echo 20 >/sys/hypervisor/version/minor
exec python3 "$@"' sh "$@"
"""


@pytest.mark.slow
def test_check_mode_uses_the_xen_version_of_the_host(host, home):
    """Also for the packages: with the default version, this setting is an error."""
    vlan = {**WEB, "interfaces": [{"ip": "10.0.0.15/24", "xen_str": "vlan=10p"}]}
    debian_host.write(host.root / "srv/python", NEWER_XEN, 0o755)
    refused = playbook(home, PLAY, variables(host, vlan), "--check")
    assert counts(refused)["failed"] == 1 and "interfaces[0].xen_str: `vlan`" in refused.text, refused.text
    done = playbook(home, PLAY, variables(host, vlan, ansible_python_interpreter="/srv/python"), "--check")
    assert counts(done)["failed"] == 0 and counts(done)["changed"] == 1, done.text


@pytest.mark.slow
def test_the_role_can_be_applied_twice_in_one_play_with_facts(host, home):
    play = [{"hosts": "dom0", "gather_facts": True, "roles": [ROLE, {"role": ROLE, "vars": {"again": 1}}]}]
    done = playbook(home, play, variables(host, WEB))
    assert counts(done)["failed"] == 0 and counts(done)["changed"] == 0, done.text
    assert done.text.count("Converge the host]") == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("allowed", "failed"),
    [(False, 1), ("org-db", 1), ([], 1), ("org-web", 0), (["org-web", "org-db"], 0), (True, 0)],
    ids=str,
)
def test_check_mode_refuses_to_erase_what_may_not_be_erased(allowed, failed, host, home):
    """A check reports what the run would report; runs that would erase data are not tested."""
    hosts = variables(host, vm("web", "10.0.0.15", reinstall=True), xen_vman_allow_reinstall=allowed)
    for words in ["--check"], *([[]] if failed else []):
        before = host.tree()
        done = playbook(home, PLAY, hosts, *words)
        assert counts(done)["failed"] == failed, done.text
        assert ("`reinstall` would erase the root of org-web" in done.text) == bool(failed), done.text
        assert changed(before, host.tree()) == []


def test_a_change_to_a_running_vm_waits_for_its_restart(host, home):
    done = playbook(home, PLAY, variables(host, vm("web", "10.0.0.15", memory=2048)))
    assert counts(done)["failed"] == 0 and counts(done)["changed"] == 1, done.text
    # Ansible breaks lines, the oldest one within words.
    said = "".join(done.text.split())
    assert "outdatedsettingsuntiltheyarerestarted:org-web" in said, done.text
    host.ask("systemctl restart vm@org-web")
    again = playbook(home, PLAY, variables(host, vm("web", "10.0.0.15", memory=2048)))
    assert counts(again)["changed"] == 0, again.text
    assert "restarted" not in again.text


@pytest.mark.slow
def test_an_installation_outlives_the_connection(host, home):
    slow = vm("slow", "10.0.0.16")
    hosts = variables(host, vm("web", "10.0.0.15", memory=2048), slow)
    host.ask("mkdir -p /judge/flags/debootstrap; touch /judge/flags/debootstrap/slow")
    words = write_play(home, PLAY, hosts)
    with (home / "log").open("w") as log:
        run = subprocess.Popen(
            [BIN / "ansible-playbook", *words], cwd=home, env=environment(home), stdout=log, stderr=subprocess.STDOUT
        )
        until = time.monotonic() + 120
        while "install org-slow on" not in (home / "log").read_text():
            assert run.poll() is None and time.monotonic() < until, (home / "log").read_text()
            time.sleep(0.2)
        cut = "systemctl stop ssh; pkill sshd; sleep 8; rm /judge/flags/debootstrap/slow; systemctl start ssh"
        host.ask(f"systemd-run --quiet sh -c '{cut}'", check=False)
        run.wait(120)
    text = (home / "log").read_text()
    assert run.returncode == 0, text
    assert "dom0 is unreachable; its run continues" in text
    assert host.ask("systemctl is-active vm@org-slow") == "active"
    again = playbook(home, PLAY, hosts)
    assert counts(again)["changed"] == 0, again.text


def test_passwords_are_not_logged_and_readable_only_by_root(host, home):
    secret = "open-sesame"
    screen = vm("screen", "10.0.0.17", builder="hvm", spice=True, spicepasswd=secret, spicehost="127.0.0.1")
    screen.update(auto_install=False, boot_after_creation=False, storage_type="own", disks=["phy:/dev/vg/a,xvda,w"])
    done = playbook(home, PLAY, variables(host, vm("web", "10.0.0.15", memory=2048), screen), "-vvv")
    assert counts(done)["failed"] == 0, done.text
    assert secret not in done.text
    assert secret not in host.ask("journalctl --no-pager")
    found = host.ask(f"grep -rls {secret} /etc /opt /var /tmp /run /root /home || true").splitlines()
    assert "/etc/xen/vms/org-screen.cfg" in found
    for path in found:
        assert host.ask(f"stat -c %a-%u {path}") == "600-0", path


@pytest.mark.slow
def test_prune_removes_vms_that_are_no_longer_listed(host, home):
    stays = playbook(home, PLAY, variables(host, vm("web", "10.0.0.15", memory=2048)))
    assert counts(stays)["failed"] == 0, stays.text
    assert host.ask("systemctl is-active vm@org-slow") == "active"
    goes = playbook(home, PLAY, variables(host, vm("web", "10.0.0.15", memory=2048), xen_vman_prune=True))
    assert counts(goes)["changed"] == 1, goes.text
    assert host.ask("ls /etc/xen/vms /etc/xen-vman/roots") == "/etc/xen-vman/roots:\norg-web.nfs\n\n/etc/xen/vms:\norg-web.cfg"
    assert host.ask("cat /srv/nfs/tank/org/slow-root/etc/hostname") == "org-slow"


@pytest.mark.slow
def test_the_package_can_come_from_a_wheel(host, home):
    """In a virtual environment, without Debian packages of it; --check also works without python3-apt."""
    host.ask("dpkg --remove python3-xen-vman xen-vman; mv /usr/lib/python3/dist-packages/apt /srv/apt")
    hosts = variables(host, vm("web", "10.0.0.15", memory=2048), xen_vman_wheel=str(wheel()))
    before = host.tree()
    check = playbook(home, PLAY, hosts, "--check")
    assert counts(check)["failed"] == 0 and counts(check)["changed"] >= 1, check.text
    assert changed(before, host.tree()) == []
    host.ask("mv /srv/apt /usr/lib/python3/dist-packages/apt")
    done = playbook(home, PLAY, hosts)
    assert counts(done)["failed"] == 0 and counts(done)["changed"] >= 4, done.text
    assert host.ask("/opt/xen-vman/venv/bin/python -c 'import xen_vman; print(xen_vman.__version__)'")
    again = playbook(home, PLAY, hosts)
    assert counts(again)["failed"] == 0 and counts(again)["changed"] == 0, again.text


def from_an_index(host, **more):
    """Variables for a host on which pip installs from a directory of wheels."""
    shutil.copy(wheel(), host.root / "srv" / wheel().name)
    args = ["--no-index", "--find-links=/srv"]
    return variables(host, vm("web", "10.0.0.15", memory=2048), xen_vman_pip_args=args, **more)


# The controller's package: none, a working one, or one for another architecture.
CONTROLLERS = {
    "none": without_the_package,
    "installed": lambda home: None,
    "for-another-architecture": lambda home: package_on_the_controller(home, 'raise ImportError("wrong ELF class")'),
}


@pytest.mark.slow
@pytest.mark.parametrize("env", CONTROLLERS.values(), ids=CONTROLLERS)
def test_the_package_can_come_from_an_index(host, home, env):
    """If it is not installed anywhere yet, the definition is checked after the installation."""
    hosts, env = from_an_index(host), env(home)
    host.ask("rm -rf /opt/xen-vman")
    before = host.tree()
    check = playbook(home, PLAY, hosts, "--check", env=env)
    assert counts(check)["failed"] == 0 and counts(check)["changed"] == 1, check.text
    assert ("cannot check the definition yet" in check.text) == bool(env), check.text
    assert changed(before, host.tree()) == []
    done = playbook(home, PLAY, hosts, env=env)
    assert counts(done)["failed"] == 0 and counts(done)["changed"] == 2, done.text
    again = playbook(home, PLAY, hosts, env=env)
    assert counts(again)["failed"] == 0 and counts(again)["changed"] == 0, again.text


@pytest.mark.slow
@pytest.mark.parametrize("env", list(CONTROLLERS.values())[:2], ids=list(CONTROLLERS)[:2])
def test_another_version_from_an_index_replaces_an_older_one(host, home, env):
    """The older version is not used: it does not know new features."""
    hosts, env = from_an_index(host), env(home)
    version = xen_vman.__version__
    host.ask(
        f"cd /opt/xen-vman/venv/lib/python3*/site-packages && mv xen_vman-{version}.dist-info xen_vman-0.0.9.dist-info && "
        f"sed -i s/{version}/0.0.9/ xen_vman-0.0.9.dist-info/METADATA xen_vman-0.0.9.dist-info/RECORD && "
        "echo 'raise RuntimeError(\"the older version was used\")' >>xen_vman/__init__.py"
    )
    check = playbook(home, PLAY, hosts, "--check", env=env)
    assert counts(check)["failed"] == 0 and counts(check)["changed"] == 0, check.text
    done = playbook(home, PLAY, hosts, env=env)
    assert counts(done)["failed"] == 0 and counts(done)["changed"] == 1, done.text
    assert host.ask("/opt/xen-vman/venv/bin/python -c 'import xen_vman; print(xen_vman.__version__)'") == version


@pytest.mark.slow
def test_a_virtual_environment_of_an_older_python_is_recreated(host, home):
    """As after an upgrade of the host: pip and the package are in the directory of another version."""
    hosts = from_an_index(host)
    host.ask("cd /opt/xen-vman/venv/lib && mv python3.* python3.9 && touch /opt/xen-vman/venv/old")
    before = host.tree()
    check = playbook(home, PLAY, hosts, "--check")
    assert counts(check)["failed"] == 0 and counts(check)["changed"] == 1, check.text
    assert changed(before, host.tree()) == []
    done = playbook(home, PLAY, hosts)
    assert counts(done)["failed"] == 0 and counts(done)["changed"] == 2, done.text
    assert host.ask("ls /opt/xen-vman/venv/old || true") == ""
    assert host.ask("/opt/xen-vman/venv/bin/python -c 'import xen_vman; print(xen_vman.__version__)'")
    again = playbook(home, PLAY, hosts)
    assert counts(again)["failed"] == 0 and counts(again)["changed"] == 0, again.text


@pytest.mark.slow
def test_the_quick_start_works_as_written(host, home):
    page = (debian_host.REPOSITORY / "docs" / "ansible.md").read_text().split("## What the role does")[0]
    (install, inventory, play, runs) = re.findall(r"```(?:sh|yml)\n(.*?)```", page, re.S)
    (home / "hypervisors").mkdir()
    (home / "hypervisors" / "inventory.yml").write_text(inventory)
    (home / "hypervisors" / "site.yml").write_text(play)
    debian_packages.both(home)
    # The controller of the tests has Ansible, and the collection that is in the package.
    first, _, copy = install.partition("\n")
    assert first == "apt install --no-install-recommends ansible-core ./xen-vman_*.deb"
    # The quick start does not cover how to connect to the host.
    access = home / "access.json"
    own = {**host.variables(), "xen_vman_preflight": False}
    access.write_text(json.dumps({"all": {"hosts": {"hypervisor1": own}}}))
    host.ask("mkdir -p /srv/nfs/tank/vms/stuvus/web01-root")
    inside = environment(home)
    directory = home
    script = copy + runs.replace("-i inventory.yml", f"-i inventory.yml -i {access}")
    # The last command runs twice.
    for command in [*script.splitlines(), script.splitlines()[-1]]:
        if command.startswith("cd "):
            directory = home / command.removeprefix("cd ")
            continue
        before = host.tree()
        done = subprocess.run(["sh", "-ec", command], cwd=directory, env=inside, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        if "--check" in command:
            assert "+name = \"stuvus-web01\"" in done.stdout
            assert changed(before, host.tree()) == []
    assert re.search(r"^hypervisor1 .* changed=0 .* failed=0 ", done.stdout, re.M), done.stdout
    assert host.ask("systemctl is-active vm@stuvus-web01") == "active"
