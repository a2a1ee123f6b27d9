"""Makes a hypervisor of many VMs, and says what is wrong or what it renders to.

    python many_vms.py 50
"""

from __future__ import annotations

import sys
from typing import Any

import xen_vman


def host(count: int) -> dict[str, Any]:
    """A definition of so many VMs, each with an address of its own."""
    vms = [
        {
            "org": "lab",
            "name": f"node{number}",
            "memory": 1024,
            "os": {"type": "debian", "version": "bookworm"},
            "interfaces": [{"ip": f"10.{number // 62500}.{number // 250 % 250}.{number % 250 + 1}/8"}],
        }
        for number in range(count)
    ]
    return {"nfsroot_base": "10.255.0.5:/tank/lab", "vms": vms}


def main(count: int) -> int:
    """Renders them; gives the exit status."""
    try:
        rendered = xen_vman.render(host(count))
    except xen_vman.DefinitionError as error:
        for one in error.report.errors:
            print(f"{one.path}: {one.message}", file=sys.stderr)
        return 1
    print(f"{len(rendered.files)} files, {sum(len(file.content) for file in rendered.files)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
