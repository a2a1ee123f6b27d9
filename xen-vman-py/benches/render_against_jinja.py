"""render_against_jinja.py [VMS [ROUNDS]]: renders VMs with xen_vman and with Jinja2, in one process, in turn.

What Jinja2 renders is made of our own files: in those of one VM, its name, address and memory are
replaced by expressions. So both write the same number of files of the same size, but Jinja2 only fills in
values that are known, while xen_vman reads, resolves and checks the definition, too. Jinja2 is measured
with templates that are compiled once, and as Ansible uses it, which compiles the template of each file again.
"""

import pathlib
import statistics
import sys
import threading
import time

import jinja2

import xen_vman

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "examples"))
import many_vms  # noqa: E402


def seconds(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def templates(definition):
    """The files of the first VM as templates, and the values of all VMs."""
    rendered = xen_vman.render({**definition, "vms": definition["vms"][:1]})
    first = values(definition["vms"][0])
    texts = []
    for file in rendered.files:
        if file.vm is not None or first["domain"] in file.path:
            text = file.text.replace("{", "{{ '{' }}")
            for name, value in sorted(first.items(), key=lambda item: -len(item[1])):
                text = text.replace(value, "{{ vm." + name + " }}")
            texts.append(text)
    return texts, [values(vm) for vm in definition["vms"]]


def values(vm):
    return {
        "domain": f"{vm['org']}-{vm['name']}",
        "address": vm["interfaces"][0]["ip"].partition("/")[0],
        "memory": str(vm["memory"]),
    }


def main(count, rounds):
    definition = many_vms.host(count)
    texts, vms = templates(definition)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    compiled = [environment.from_string(text) for text in texts]

    def ours():
        xen_vman.render(definition)

    def jinja_compiled():
        for vm in vms:
            for template in compiled:
                template.render(vm=vm)

    def jinja_as_ansible():
        for vm in vms[: max(1, count // 10)]:
            for text in texts:
                jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(text).render(vm=vm)

    print(f"{count} VMs, {len(texts)} files each, {rounds} rounds")
    ratios, as_ansible = [], []
    for _ in range(rounds):
        own, other, ansible = seconds(ours), seconds(jinja_compiled), seconds(jinja_as_ansible) * count / max(1, count // 10)
        ratios.append(other / own)
        as_ansible.append(ansible / own)
        print(f"xen_vman {own:.3f} s   Jinja2 {other:.3f} s   compiled each time {ansible:.3f} s (from a tenth of them)")
    print(f"median: Jinja2 takes {statistics.median(ratios):.1f} times as long, compiled each time {statistics.median(as_ansible):.1f} times")

    def both():
        threads = [threading.Thread(target=ours) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def one_after_the_other():
        ours()
        ours()

    parallel = [seconds(one_after_the_other) / seconds(both) for _ in range(rounds)]
    print(f"median: two threads at once are {statistics.median(parallel):.2f} times as fast as one after the other")


main(*(int(word) for word in (sys.argv[1:] + ["1000", "3"][len(sys.argv) - 1:])))
