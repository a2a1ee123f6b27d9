"""role_against_template.py WHEEL [VMS...]: how long `ansible-playbook` takes with the role, on a local host
that is a directory, without installations: the first run, and one that changes nothing.

Beside it, in the same run, what a role does at the least that writes a file for each VM: one task,
`ansible.builtin.template`, in a loop over the VMs.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(REPOSITORY / "xen-vman-py" / "tests"), str(REPOSITORY / "xen-vman-py" / "examples")]
import ansible_runs  # noqa: E402
import many_vms  # noqa: E402

LOOP_VMS_MAX = 100
TEMPLATE = """\
name = "{{ item.org }}-{{ item.name }}"
memory = {{ item.memory }}
vcpus = {{ item.vcpus | default(2) }}
vif = [{% for interface in item.interfaces %}"ip={{ interface.ip | regex_replace('/.*', '') }}",{% endfor %}]
"""


def seconds(home, play):
    begin = time.perf_counter()
    done = ansible_runs.run("ansible-playbook", "-i", "hosts.json", play, home=home)
    took = time.perf_counter() - begin
    if done.code != 0:
        sys.exit(done.text[-4000:])
    return took


def measure(wheel, count):
    with tempfile.TemporaryDirectory() as directory:
        home = pathlib.Path(directory)
        (home / "root").mkdir()
        (home / "loop").mkdir()
        definition = many_vms.host(count)
        vms = definition.pop("vms")
        variables = {f"xen_vman_{key}": value for key, value in definition.items() if key != "defaults"}
        variables.update({f"xen_vman_default_{key}": value for key, value in definition.get("defaults", {}).items()})
        variables.update(
            ansible_connection="local",
            ansible_python_interpreter=sys.executable,
            xen_vman_vms=vms,
            xen_vman_default_auto_install=False,
            xen_vman_root=str(home / "root"),
            xen_vman_venv=str(home / "venv"),
        )
        (home / "hosts.json").write_text(json.dumps({"all": {"hosts": {"host": variables}}}))
        head = {"hosts": "all", "gather_facts": False}
        template = {"src": str(home / "vm.cfg.j2"), "dest": str(home / "loop") + "/{{ item.name }}.cfg", "mode": "0644"}
        (home / "vm.cfg.j2").write_text(TEMPLATE)
        loop = {"ansible.builtin.template": template, "loop": "{{ xen_vman_vms }}", "loop_control": {"label": "x"}}
        (home / "role.yml").write_text(json.dumps([{**head, "roles": ["xen_vman.xen_vman.xen_vman"]}]))
        (home / "loop.yml").write_text(json.dumps([{**head, "tasks": [loop]}]))
        # The package is installed once in the life of a host.
        subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
        subprocess.run([home / "venv/bin/pip", "install", "--quiet", "--no-index", "--no-deps", wheel], check=True)
        ours = [seconds(home, "role.yml") for _ in range(2)]
        loops = [seconds(home, "loop.yml") for _ in range(2)] if count <= LOOP_VMS_MAX else None
        return ours, loops


def main(wheel, counts):
    print("ansible-playbook, seconds      role: first  unchanged    loop of templates: first  unchanged")
    all_ours, all_loops = {}, {}
    for count in counts:
        ours, loops = measure(wheel, count)
        all_ours[count] = ours
        beside = "" if loops is None else f"{loops[0]:24.1f} {loops[1]:10.1f}"
        print(f"{count:6} VMs {ours[0]:32.1f} {ours[1]:10.1f} {beside}", flush=True)
        if loops is not None:
            all_loops[count] = loops

    def per_vm(found, number):
        low, high = min(found), max(found)
        return 1000 * (found[high][number] - found[low][number]) / max(high - low, 1)

    for name, number in (("first", 0), ("unchanged", 1)):
        ours, loops = per_vm(all_ours, number), per_vm(all_loops, number)
        print(f"each further VM, {name} run: {ours:.1f} ms; of the loop {loops:.0f} ms, {loops / ours:.0f} times that")


main(sys.argv[1], [int(word) for word in sys.argv[2:]] or [1, 10, 100, 1000])
