"""The role and the modules in real runs of `ansible-playbook`, on directories treated as hosts."""

import json
import pathlib
import re
import sys

import pytest
import xen_vman
import yaml

from ansible_runs import playbook, wheel, without_the_package
from collection import COLLECTION

CASES = pathlib.Path(__file__).parents[2] / "xen-vman-core" / "tests" / "cases" / "role"
SPECIFICATION = """\
xen_vman_nfsroot_base: 10.0.0.5:/tank/vms
xen_vman_vms:
  - org: stuvus
    name: testvm
    interfaces:
      - ip: 10.0.0.15
        ipv6: fd76:5eac:234:70c8::15
        mac: 00:14:22:01:23:45
        bridge: mybridge
    os:
      type: ubuntu
      version: 18.04
"""
# As printed, without the indentation that YAML requires.
PRINTED = """\
- hosts: hypervisor
roles:
- xen_vman
xen_vman_vms:
- name: testvm
interfaces:
- ip: 10.0.0.15
"""
# How Ansible evaluates expressions, and how YAML reads a number.
EVALUATED = {
    "{{ 4 * 1024 }}": "4096",
    "{{ xen_vman_default_vcpus + 1 }}": "2",
    "{{ 1 + 1 }}": "2",
    "version: 18.10": "version: 18.1",
}
# If YAML misreads a value, Ansible only knows the value, not what was written.
AS_A_VALUE = {"misread-value": "wrong-type"}
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


def converge(**options):
    return [
        {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [
                {
                    "name": "Converge",
                    "xen_vman.xen_vman.xen_host": {"root": "{{ xen_vman_root }}", "wheel": str(wheel()), **options},
                    "register": "done",
                }
            ],
        }
    ]


def tree(root):
    return {
        str(path.relative_to(root)): path.readlink() if path.is_symlink() else path.read_text()
        for path in sorted(root.rglob("*"))
        if (path.is_symlink() or path.is_file()) and "var/lib/xen-vman" not in str(path)
    }


@pytest.fixture(scope="module")
def inventories(tmp_path_factory):
    """Runs every inventory of the original role in the core's cases, each for its own host."""
    home = tmp_path_factory.mktemp("inventories")
    hosts = {}
    for case in sorted(CASES.iterdir()):
        (home / "roots" / case.name).mkdir(parents=True)
        rest = {**LOCAL, "xen_vman_root": str(home / "roots" / case.name), "xen_vman_header": "same", "xen_vman_guest_user": "same"}
        lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in rest.items())
        hosts[case.name] = f"{(case / 'input.yml').read_text()}\n{lines}"
    plays = converge()
    plays[0]["tasks"][0]["ignore_errors"] = True
    plays[0]["tasks"].append(
        {
            "name": "Keep the result",
            "ansible.builtin.copy": {"dest": str(home) + "/{{ inventory_hostname }}.json", "content": "{{ done | to_json }}", "mode": "0644"},
        }
    )
    done = playbook(home, plays, hosts)
    assert "unreachable=1" not in done.text
    return home


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_inventories_of_the_original_role_give_the_rendered_files(case, inventories):
    said = json.loads((inventories / f"{case.name}.json").read_text())
    text = (case / "input.yml").read_text()
    for expression, value in EVALUATED.items():
        text = text.replace(expression, value)
    definition = [xen_vman.Text(text, "input.yml"), xen_vman.Text('header = "same"\nguest_user = "same"')]
    report = xen_vman.check(definition)
    if report.errors:
        expected = {(one.path, AS_A_VALUE.get(one.id, one.id)) for one in report.errors}
        found = {(line.split(":")[0].split(" (")[0], line.split("[")[-1].split("]")[0]) for line in said["errors"]}
        assert found == expected, said["errors"]
        assert tree(inventories / "roots" / case.name) == {}
        return
    rendered = xen_vman.render(definition)
    found = tree(inventories / "roots" / case.name)
    for file in rendered.files:
        if file.vm is None:
            assert found[file.path.lstrip("/")] == file.text, file.path


def test_the_example_in_the_specification_is_not_yaml(tmp_path):
    done = playbook(tmp_path, PRINTED, {"hypervisor": LOCAL})
    assert done.code != 0
    assert "play.yml" in done.text


def test_companion_roles_give_variables_that_are_accepted(tmp_path):
    """The roles `vm-facts` and `network_management` run first, with their own keys in the same variables."""
    root = tmp_path / "root"
    (root / "etc/network").mkdir(parents=True)
    (tmp_path / "roles").symlink_to(pathlib.Path(__file__).parent / "roles")
    hypervisor = {
        **LOCAL,
        "xen_vman_root": str(root),
        "xen_vman_nfsroot_base": "192.168.10.3:/tank/vms",
        "xen_vman_iscsi_server": "192.168.10.3",
        "xen_vman_iscsi_base_wwn": "iqn.2003-01.org.example.storage",
        "xen_vman_lazy_default_network_bridge": "br{{ interface.vlan }}",
        "vm_facts_generate_hypervisor_facts": True,
        "vm_facts_default_hypervisor_host": "hypervisor01",
        "network_management_interfaces_file": str(root / "etc/network/interfaces"),
        "interfaces": [{"name": "eth0", "type": "manual"}],
        "bridges": [{"name": "br10", "type": "static", "ip": "192.168.10.2/24", "ports": ["eth0"], "gateway": "192.168.10.1"}],
    }
    debian = {"type": "debian", "version": "bookworm"}
    web = {
        "description": "static websites",
        "vm": {"org": "misc", "memory": 2048, "size": "15G", "storage_host": "storage01", "hypervisor_host": "hypervisor01", "os": debian},
        "interfaces": [
            {"mac": "AA:BB:CC:FE:19:AA", "ip": "192.168.10.52", "vlan": 10, "type": "static", "gateway": "192.168.10.1"},
            {"mac": "AA:BB:CC:FE:19:AB", "vlan": 100, "dhcp": {"hostname": "web01"}, "nameservers": ["192.168.10.1"], "domains": ["example.org"]},
        ],
    }
    database = {
        "description": "PostgreSQL",
        "vm": {"org": "misc", "size": "50G", "storage_type": "blockdevice", "create_backup": False, "local_snapshots": ["hourly"], "os": debian},
        "interfaces": [{"name": "eth0", "ip": "192.168.10.53/24", "vlan": 10}],
    }
    elsewhere = {"vm": {"org": "misc", "size": "5G", "hypervisor_host": "hypervisor02", "os": debian}, "interfaces": []}
    hosts = {"hypervisor01": hypervisor, "storage01": {}, "web01": web, "db01": database, "far01": elsewhere}
    plays = converge()
    plays[0]["hosts"] = "hypervisor01"
    plays[0]["roles"] = ["network_management", "vm-facts"]
    done = playbook(tmp_path, plays, hosts)
    assert done.recap("hypervisor01")["failed"] == 0, done.text
    configs = {path.name: path.read_text() for path in (root / "etc/xen/vms").glob("*.cfg")}
    assert configs.keys() == {"misc-web01.cfg", "misc-db01.cfg"}
    assert "bridge=br10," in configs["misc-web01.cfg"] and "bridge=br100" in configs["misc-web01.cfg"]
    assert "memory = 2048" in configs["misc-web01.cfg"]
    assert "iqn.2003-01.org.example.storage:misc-db01" in configs["misc-db01.cfg"]
    # Ansible wraps warnings, at hyphens, too.
    words = " ".join(done.text.split())
    for key, reader in {"storage_host": "vm-facts", "domains": "network_management"}.items():
        assert words.count(f"`{key}` is not a key of") == 1, done.text
        assert f"the role `{reader}` reads it" in words


def test_the_example_in_the_specification_works_once_completed(tmp_path):
    (tmp_path / "root").mkdir()
    rest = "".join(f"{key}: {json.dumps(value)}\n" for key, value in {**LOCAL, "xen_vman_root": str(tmp_path / "root")}.items())
    wrong = (CASES / "readme-example" / "input.yml").read_text()
    done = playbook(tmp_path, converge(), {"hypervisor": wrong + rest})
    assert done.recap("hypervisor")["failed"] == 1
    for line in (
        "xen_vman_vms[0].org: `org` is missing [missing-key]; set the organisation",
        "xen_vman_vms[0].os: `os` is missing [missing-key]; set the operating system",
    ):
        assert f"\n- {line}" in done.text, done.text
    assert tree(tmp_path / "root") == {}
    right = playbook(tmp_path, converge(), {"hypervisor": SPECIFICATION + rest})
    assert right.recap("hypervisor")["changed"] == 1, right.text
    assert 'name = "stuvus-testvm"' in (tmp_path / "root/etc/xen/vms/stuvus-testvm.cfg").read_text()


def host(tmp_path, **variables):
    (tmp_path / "root").mkdir(exist_ok=True)
    return {**LOCAL, "xen_vman_root": str(tmp_path / "root"), **variables}


def vm(name, *interfaces, **keys):
    return {"org": "org", "name": name, "os": {"type": "debian", "version": 12}, "interfaces": list(interfaces), **keys}


@pytest.mark.slow
def test_expressions_are_evaluated_for_each_vm_and_interface(tmp_path):
    """Also through other variables, with Ansible's own filters, and if a VM sets the value itself."""
    variables = host(
        tmp_path,
        networks={"front": {"bridge": "xenbr7", "gateway": "10.0.0.1"}, "back": {"bridge": "xenbr8", "gateway": "10.1.0.1"}},
        network_of_vm="{{ networks[vm.network_name | default('front')] }}",
        xen_vman_nfsroot_base="{{ server }}:/tank",
        server="10.0.0.5",
        xen_vman_lazy_default_network_bridge="{{ interface.bridge_of | default(network_of_vm.bridge) }}",
        xen_vman_default_gateway="{{ network_of_vm.gateway }}",
        xen_vman_default_memory="{{ 512 * (vm.vcpus | default(2)) }}",
        xen_vman_default_vifname_prefix="{{ vm.name | regex_replace('[0-9]', '') }}",
        xen_vman_default_additional_xen_options={"on_crash": "{{ 'preserve' if vm.name == 'b2' else 'restart' }}", "localtime": 1},
        xen_vman_vms=[
            vm("a1", {"ip": "10.0.0.15/24"}, vcpus=4),
            vm("b2", {"ip": "10.0.0.16/24"}, {"bridge": "own", "vifname": "mine"}, memory=99, additional_xen_options={"localtime": 0}),
        ],
    )
    done = playbook(tmp_path, converge(), {"host": variables})
    assert done.recap("host")["changed"] == 1, done.text
    one, two = ((tmp_path / f"root/etc/xen/vms/org-{name}.cfg").read_text() for name in ("a1", "b2"))
    assert "memory = 2048" in one and "memory = 99" in two
    assert "bridge=xenbr7" in one and "vifname=a.0" in one
    assert "bridge=own" in two and "vifname=mine" in two
    assert ":10.0.0.1:" in one
    assert 'on_crash = "restart"' in one and "localtime = 1" in one
    assert 'on_crash = "preserve"' in two and "localtime = 0" in two


@pytest.mark.slow
@pytest.mark.parametrize(
    "gateway",
    ["{{ hostvars[inventory_hostname].gw }}", "{{ hostvars.host.gw if vm.name else '' }}", "{{ vars.gw }}", "{{ gw if groups.all else '' }}"],
    ids=["hostvars", "hostvars-and-vm", "vars", "groups"],
)
def test_unused_variables_are_not_evaluated(gateway, tmp_path):
    """Not even if an expression mentions a variable that contains all of them."""
    touch = f"touch {tmp_path}/evaluated"
    variables = host(
        tmp_path,
        gw="10.0.0.1",
        broken="{{ nothing_of_that_name }}",
        costly="{{ lookup('ansible.builtin.pipe', '" + touch + "') }}",
        of_the_vm="{{ vm.name }}",
        xen_vman_nfsroot_base="10.0.0.5:/tank",
        xen_vman_default_gateway=gateway,
        xen_vman_vms=[vm("a", {"ip": "10.0.0.15/24"})],
    )
    done = playbook(tmp_path, converge(), {"host": variables})
    assert done.recap("host")["changed"] == 1, done.text
    assert ":10.0.0.1:" in (tmp_path / "root/etc/xen/vms/org-a.cfg").read_text()
    assert not (tmp_path / "evaluated").exists()


def test_all_problems_are_reported_at_once_with_their_variables(tmp_path):
    variables = host(
        tmp_path,
        gateways={"a": "10.0.0.300"},
        xen_vman_start_timeout="soon",
        xen_vman_default_gateway="{{ gateways[vm.name] }}",
        xen_vman_vms=[
            vm("a", {"ip": "10.0.0.15/24", "mac": "zz"}, storage_type="lvm", cmdline="root=/dev/xvda", gateway="10.0.0.1"),
            vm("b", {"ip": "10.0.0.16/24"}, memory="much", storage_type="lvm", gateway="10.0.0.1"),
        ],
    )
    variables["xen_vman_vms"][0].pop("gateway")
    done = playbook(tmp_path, converge(), {"host": variables})
    assert done.recap("host")["failed"] == 1
    for line in (
        "xen_vman_start_timeout: expected an integer, in seconds, or a time such as `5min`, found the string `soon`",
        "xen_vman_default_gateway (for xen_vman_vms[0]): `10.0.0.300` must be an IP address",
        "xen_vman_vms[0].interfaces[0].mac: `zz` must be six pairs",
        "xen_vman_vms[1].memory: expected an integer, in MiB, or a size such as `2G`, found the string `much`",
    ):
        assert f"\n- {line}" in done.text, done.text
    assert tree(tmp_path / "root") == {}


@pytest.mark.slow
def test_options_of_a_vm_override_defaults_in_any_form(tmp_path):
    """Default options are added; problems are reported in the VM's own options, and in the default where it is used."""
    variables = host(
        tmp_path,
        xen_vman_nfsroot_base="10.0.0.5:/tank",
        xen_vman_default_additional_xen_options={"on_crash": "{{ 'preserve' if vm.name else '' }}", "localtime": 1},
        xen_vman_vms=[
            vm("a", {"ip": "10.0.0.15/24"}, additional_xen_options=[["localtime", 0], ["cap", 50]]),
            vm("b", {"ip": "10.0.0.16/24"}, additional_xen_options={}),
        ],
    )
    done = playbook(tmp_path, converge(), {"host": variables})
    assert done.recap("host")["changed"] == 1, done.text
    one, two = ((tmp_path / f"root/etc/xen/vms/org-{name}.cfg").read_text() for name in ("a", "b"))
    assert 'on_crash = "preserve"' in one and "localtime = 0" in one and "cap = 50" in one
    assert 'on_crash = "preserve"' in two and "localtime = 1" in two
    variables["xen_vman_default_additional_xen_options"]["cap"] = "{{ -1 if vm.name else 0 }}"
    variables["xen_vman_vms"] += [
        vm("c", {"ip": "10.0.0.17/24"}, additional_xen_options="oops"),
        vm("d", {"ip": "10.0.0.18/24"}, additional_xen_options=[["Localtime", 0], ["cap", 50]]),
        vm("e", {"ip": "10.0.0.19/24"}),
    ]
    done = playbook(tmp_path, converge(), {"host": variables})
    assert done.recap("host")["failed"] == 1
    for line in (
        "xen_vman_default_additional_xen_options.cap (for xen_vman_vms[1].additional_xen_options): ",
        "xen_vman_vms[2].additional_xen_options: expected",
        "xen_vman_vms[3].additional_xen_options[0]: `Localtime` must be",
        "xen_vman_default_additional_xen_options.cap (for xen_vman_vms[4]): ",
    ):
        assert f"\n- {line}" in done.text, done.text


@pytest.mark.slow
def test_problems_in_part_of_an_evaluated_value_name_its_variable(tmp_path):
    variables = host(
        tmp_path,
        xen_vman_nfsroot_base="10.0.0.5:/tank",
        xen_vman_default_nameserver=["10.0.0.1", "{{ vm.name }}"],
        xen_vman_vms=[vm("a", {"ip": "10.0.0.15/24"})],
    )
    plays = converge()
    plays[0]["tasks"][0]["ignore_errors"] = True
    plays[0]["tasks"].append({"name": "Render", "ansible.builtin.debug": {"msg": "{{ query('xen_vman.xen_vman.files') }}"}})
    done = playbook(tmp_path, plays, {"host": variables})
    assert done.recap("host")["failed"] == 1
    line = "- xen_vman_default_nameserver[1] (for xen_vman_vms[0]): `a` must be an IP address"
    module, lookup = done.text.split("TASK [Render]")
    assert line in module and line in lookup, done.text


@pytest.mark.slow
def test_values_that_cannot_be_evaluated_are_reported_with_all_other_problems(tmp_path):
    variables = host(
        tmp_path,
        gateways={"a": "10.0.0.1"},
        xen_vman_nfsroot_base="{{ nothing }}:/tank",
        xen_vman_start_timeout="soon",
        xen_vman_default_gateway="{{ gateways[vm.name] }}",
        xen_vman_vms=[
            vm("a", {"ip": "10.0.0.15/24"}),
            vm("b", {"ip": "10.0.0.16/24"}, memory="{{ too_little }}"),
            vm("c", {"ip": "10.0.0.17/24", "mac": "zz"}, nameserver=["{{ nobody }}"], gateway="10.0.0.1"),
        ],
    )
    variables["xen_vman_vms"][2]["org"] = "{{ no_org }}"
    plays = converge()
    plays[0]["tasks"][0]["ignore_errors"] = True
    plays[0]["tasks"].append({"name": "Render", "ansible.builtin.debug": {"msg": "{{ query('xen_vman.xen_vman.files') }}"}})
    done = playbook(tmp_path, plays, {"host": variables})
    assert done.recap("host")["failed"] == 1
    lines = [
        "xen_vman_nfsroot_base: 'nothing' is undefined",
        "xen_vman_vms[1].memory: 'too_little' is undefined",
        "xen_vman_vms[2].org: 'no_org' is undefined",
        "xen_vman_vms[2].nameserver[0]: 'nobody' is undefined",
        "xen_vman_default_gateway, for xen_vman_vms[1]: ",
        "xen_vman_start_timeout: expected an integer, in seconds, or a time such as `5min`, found the string `soon`",
        "xen_vman_vms[2].interfaces[0].mac: `zz` must be six pairs",
    ]
    for part in done.text.split("TASK [Render]"):
        assert all(f"- {line}" in part for line in lines), part
    module = done.text.split("TASK [Render]")[0]
    assert all(f"\n- {line}" in module for line in lines), "in lines of their own"
    assert f"{len(lines)} errors in the definition; nothing was changed" in module, "and nothing that comes of them"
    assert tree(tmp_path / "root") == {}


@pytest.mark.slow
def test_scripts_come_from_files_of_the_play_and_from_absolute_paths(tmp_path):
    (tmp_path / "files" / "xen_vman").mkdir(parents=True)
    (tmp_path / "files" / "xen_vman" / "vif-custom").write_text("#!/bin/sh\n# relative\n")
    (tmp_path / "vif-absolute").write_text("#!/bin/sh\n# absolute\n")
    variables = host(
        tmp_path,
        xen_vman_additional_network_scripts=["vif-p2p", "xen_vman/vif-custom", str(tmp_path / "vif-absolute")],
    )
    done = playbook(tmp_path, converge(), {"host": variables})
    assert done.recap("host")["changed"] == 1, done.text
    scripts = tmp_path / "root/etc/xen/scripts"
    assert (scripts / "vif-custom").read_text() == "#!/bin/sh\n# relative\n"
    assert (scripts / "vif-absolute").read_text() == "#!/bin/sh\n# absolute\n"
    assert "ip address" in (scripts / "vif-p2p").read_text()
    (tmp_path / "vif-absolute").unlink()
    gone = playbook(tmp_path, converge(), {"host": variables})
    assert "xen_vman_additional_network_scripts[2]:" in gone.text, gone.text


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "xen_vman_"], ids=["schema", "role"])
def test_the_lookup_reads_scripts_with_either_key(prefix, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "vif-custom").write_text("#!/bin/sh\n# my own\n")
    plays = converge()
    query = "query('xen_vman.xen_vman.files', {'" + prefix + "additional_network_scripts': ['vif-custom']})"
    plays[0]["tasks"] = [{"name": "Show", "ansible.builtin.debug": {"msg": "{{ " + query + " | map(attribute='content') }}"}}]
    done = playbook(tmp_path, plays, {"host": host(tmp_path)})
    assert "# my own" in done.text, done.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("user", "expected"), [("deploy", "deploy"), ("root", "admin"), (None, "admin")], ids=["user", "root", "unset"]
)
def test_guests_get_the_connecting_user(user, expected, tmp_path):
    variables = host(tmp_path, xen_vman_nfsroot_base="10.0.0.5:/tank", xen_vman_vms=[vm("a", {"ip": "10.0.0.15/24"})])
    if user is not None:
        variables["ansible_user"] = user
    plays = converge()
    plays[0]["tasks"] = [
        {
            "name": "Show a file",
            "ansible.builtin.debug": {
                "msg": "{{ query('xen_vman.xen_vman.files') | selectattr('path', 'match', '/etc/sudoers.d/') | map(attribute='content') }}"
            },
        }
    ]
    done = playbook(tmp_path, plays, {"host": variables})
    assert f"{expected} ALL=(ALL:ALL)" in done.text, done.text


@pytest.mark.slow
def test_the_header_is_ansible_managed(tmp_path):
    variables = host(tmp_path, ansible_managed="By Ansible,\nfrom {{ inventory_hostname }}", xen_vman_nfsroot_base="10.0.0.5:/tank", xen_vman_vms=[vm("a", {"ip": "10.0.0.15/24"})])
    done = playbook(tmp_path, converge(), {"host": variables})
    assert done.recap("host")["changed"] == 1, done.text
    assert (tmp_path / "root/etc/xen/vms/org-a.cfg").read_text().startswith("# By Ansible, from host\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("written", "header"),
    [("Belongs to Ansible", "Belongs to Ansible"), ("{file}, changed at %H:%M", "Ansible managed"), ("from {host}", "Ansible managed"), ("", "Ansible managed")],
    ids=["plain", "dated", "with-the-host", "empty"],
)
def test_the_header_from_ansible_cfg_is_used_if_it_is_constant(written, header, tmp_path):
    (tmp_path / "ansible.cfg").write_text(f"[defaults]\nansible_managed = {written}\n".replace("%", "%%"))
    variables = host(tmp_path, xen_vman_nfsroot_base="10.0.0.5:/tank", xen_vman_vms=[vm("a", {"ip": "10.0.0.15/24"})])
    done = playbook(tmp_path, converge(), {"host": variables})
    assert done.recap("host")["changed"] == 1, done.text
    assert (tmp_path / "root/etc/xen/vms/org-a.cfg").read_text().startswith(f"# {header}\n")


def test_no_output_contains_passwords(tmp_path):
    secret = "open-sesame"
    variables = host(
        tmp_path,
        xen_vman_vms=[vm("a", builder="hvm", spice=True, spicepasswd=secret, spicehost="127.0.0.1", disks=["phy:/dev/vg/a,xvda,w"], manual_root_disk=True)],
    )
    for words in (["-vvv", "--check", "--diff"], ["-vvv", "--diff"], ["-vvv"]):
        done = playbook(tmp_path, converge(), {"host": variables}, *words)
        assert done.recap("host")["failed"] == 0, done.text
        assert secret not in done.text
    assert secret in (tmp_path / "root/etc/xen/vms/org-a.cfg").read_text()


@pytest.mark.slow
def test_the_example_of_the_lookup_shows_no_passwords(tmp_path):
    secret = "open-sesame"
    variables = host(
        tmp_path,
        xen_vman_vms=[vm("a", builder="hvm", spice=True, spicepasswd=secret, spicehost="127.0.0.1", disks=["phy:/dev/vg/a,xvda,w"], manual_root_disk=True)],
    )
    text = (COLLECTION / "plugins" / "lookup" / "files.py").read_text()
    tasks = yaml.safe_load(re.search(r'EXAMPLES = r"""(.*?)"""', text, re.S)[1])
    tasks[0]["ansible.builtin.copy"]["dest"] = "{{ xen_vman_root }}{{ item.path }}"
    (tmp_path / "root/etc/xen/vms").mkdir(parents=True)
    done = playbook(tmp_path, [{"hosts": "all", "gather_facts": False, "tasks": tasks}], {"host": variables}, "--diff", "-vvv")
    assert done.recap("host")["changed"] == 1, done.text
    assert secret not in done.text
    assert secret in (tmp_path / "root/etc/xen/vms/org-a.cfg").read_text()


@pytest.mark.slow
def test_a_task_with_no_log_is_not_logged(tmp_path):
    variables = host(tmp_path, xen_vman_vms=[vm("a", {"ip": "10.0.0.15/24", "mac": "open-sesame"})])
    plays = converge()
    plays[0]["tasks"][0]["no_log"] = True
    done = playbook(tmp_path, plays, {"host": variables})
    assert done.recap("host")["failed"] == 1
    # Newer versions of Ansible always show the message of a failed module, once.
    assert done.text.count("open-sesame") == done.text.count("[ERROR]: Task failed"), done.text


def test_a_second_run_changes_nothing_and_check_mode_never_does(tmp_path):
    variables = host(tmp_path, xen_vman_nfsroot_base="10.0.0.5:/tank", xen_vman_vms=[vm("a", {"ip": "10.0.0.15/24"}, auto_install=False)])
    root = tmp_path / "root"
    check = playbook(tmp_path, converge(), {"host": variables}, "--check", "--diff")
    assert check.recap("host")["changed"] == 1
    assert "+++ /etc/xen/vms/org-a.cfg" in check.text
    assert list(root.iterdir()) == []
    assert playbook(tmp_path, converge(), {"host": variables}).recap("host")["changed"] == 1
    before = {path: path.lstat() for path in root.rglob("*")}
    for words in ([], ["--check", "--diff"]):
        assert playbook(tmp_path, converge(), {"host": variables}, *words).recap("host")["changed"] == 0
    if sys.platform == "linux":
        after = {path: path.lstat() for path in root.rglob("*")}
        assert {path: one.st_mtime_ns for path, one in before.items()} == {path: one.st_mtime_ns for path, one in after.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("conflict", "changed"), [("usr", False), ("etc/systemd", True)], ids=["first", "later"])
def test_a_run_that_fails_partway_reports_its_changes(conflict, changed, tmp_path):
    variables = host(tmp_path, xen_vman_nfsroot_base="10.0.0.5:/tank", xen_vman_vms=[vm("a", {"ip": "10.0.0.15/24"})])
    (tmp_path / "root" / conflict).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "root" / conflict).write_text("no directory\n")
    done = playbook(tmp_path, converge(), {"host": variables})
    assert done.recap("host")["failed"] == 1
    assert "cannot write" in done.text and f'"changed": {str(changed).lower()}' in done.text, done.text
    assert (tmp_path / "root/usr/local/lib/xen-vman/vm-root").exists() == changed


def test_without_the_package_nothing_is_changed(tmp_path):
    variables = host(tmp_path, xen_vman_vms=[])
    plays = converge(package=str(tmp_path / "venv"))
    del plays[0]["tasks"][0]["xen_vman.xen_vman.xen_host"]["wheel"]
    done = playbook(tmp_path, plays, {"host": variables}, env=without_the_package(tmp_path))
    assert done.recap("host")["failed"] == 1
    assert "is neither on the host" in done.text and "nothing was changed" in done.text, done.text
    del plays[0]["tasks"][0]["xen_vman.xen_vman.xen_host"]["package"]
    done = playbook(tmp_path, plays, {"host": variables}, env=without_the_package(tmp_path))
    assert done.recap("host")["failed"] == 1
    assert "xen-vman" in done.text, done.text
    # In check mode, nothing has installed the package yet. Problems that do not depend on it are still reported.
    done = playbook(tmp_path, plays, {"host": variables}, "--check", env=without_the_package(tmp_path))
    assert done.recap("host")["failed"] == 0 and done.recap("host")["skipped"] == 1, done.text
    assert "cannot check the definition yet" in done.text, done.text
    variables["xen_vman_nfsroot_base"] = "{{ nothing }}:/tank"
    done = playbook(tmp_path, plays, {"host": variables}, "--check", env=without_the_package(tmp_path))
    assert done.recap("host")["failed"] == 1 and "xen_vman_nfsroot_base: 'nothing' is undefined" in done.text, done.text
    assert list((tmp_path / "root").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "message"),
    [("xen_vman_wheel", "the wheel (xen_vman_wheel) is an empty string"), ("xen_vman_deb", "xen_vman_deb is '', but it must be a .deb file")],
    ids=["wheel", "deb"],
)
def test_packages_that_were_not_found_are_an_error(variable, message, tmp_path):
    """As from an expression that finds no file."""
    variables = host(tmp_path, **{variable: "{{ query('ansible.builtin.fileglob', 'xen*') | first | default('') }}"})
    plays = [{"hosts": "all", "gather_facts": False, "roles": ["xen_vman.xen_vman.xen_vman"]}]
    done = playbook(tmp_path, plays, {"host": variables})
    assert done.recap("host")["failed"] == 1
    assert message in done.text and "nothing was changed" in done.text, done.text


def test_xen_vm_info_lists_vms(tmp_path):
    variables = host(tmp_path, xen_vman_nfsroot_base="10.0.0.5:/tank", xen_vman_vms=[vm("a", {"ip": "10.0.0.15/24"})])
    plays = converge()
    plays[0]["tasks"] = [
        {"name": "Ask", "xen_vman.xen_vman.xen_vm_info": {"root": "{{ xen_vman_root }}", "wheel": str(wheel())}, "register": "found"},
        {"name": "Show", "ansible.builtin.debug": {"msg": "{{ found.vms | map(attribute='domain') | list }}"}},
    ]
    done = playbook(tmp_path, plays, {"host": variables})
    assert "org-a" in done.text and done.recap("host")["changed"] == 0, done.text
