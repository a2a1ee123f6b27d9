#!/usr/bin/python
"""Brings a Xen host to what is defined."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: xen_host
author: The xen-vman authors (@xen-vman)
version_added: 0.1.0
short_description: Brings a Xen host to what is defined
description:
  - Writes the configurations of all VMs, systemd units, hooks for initrds and network scripts; installs guests;
    starts those that are new.
  - Everything that is wrong with the definition is reported at once, before anything is done.
  - A run that is cut off does no harm; the next one goes on where it was. If the connection is lost, the host goes
    on by itself.
attributes:
  check_mode:
    description: Says what would be done, and touches nothing. Without the Python package, it is skipped with a warning.
    support: full
  diff_mode:
    description: Shows what changes in files, without passwords.
    support: full
  platform:
    description: Debian with Xen.
    platforms: debian
    support: full
options:
  definition:
    description:
      - The host and its VMs, in the words of the TOML schema, or as the variables of the role.
      - If not given, it is made of the variables C(xen_vman_*). Those that are expressions over C(vm) or C(interface)
        are evaluated for each of them.
    type: dict
  prune:
    description: Whether VMs that are no longer defined are stopped and their files removed. Their data stays.
    type: bool
    default: false
  allow_reinstall:
    description:
      - Whether C(reinstall) in the definition of a VM may erase what is on its root; or the VM, as C(ORG-NAME), or the
        list of VMs of which it may.
    type: raw
    default: false
  root:
    description: The directory that stands for the host's C(/). Anything else is an image, in which no program is run.
    type: path
    default: /
  package:
    description:
      - A virtual environment on the host that has the Python package xen-vman.
      - If it has none, that of O(wheel), or the one installed on the controller, is sent along for this run.
    type: path
  wheel:
    description: The wheel of the Python package, on the controller.
    type: path
  requirement:
    description:
      - The version of the Python package that must be there, as C(xen-vman==0.1.0), if O(wheel) is not given.
      - One that is not it counts as none.
    type: str
  bundle:
    description: For the part on the controller, which puts the definition there.
    type: path
  progress:
    description: For the part on the controller, which reads there how far the host is.
    type: path
requirements:
  - the Python package xen-vman, on the host or on the controller
seealso:
  - module: xen_vman.xen_vman.xen_vm_info
"""

EXAMPLES = r"""
- name: Converge the host, from the variables xen_vman_*
  xen_vman.xen_vman.xen_host:
    package: /opt/xen-vman/venv

- name: Converge the host, from a definition
  xen_vman.xen_vman.xen_host:
    definition:
      nfsroot_base: 10.0.0.5:/tank/vms
      vms:
        - org: stuvus
          name: web01
          os:
            type: debian
            version: bookworm
          interfaces:
            - ip: 10.0.0.15/24
    prune: true
"""

RETURN = r"""
actions:
  description: What was done, or in check mode what would be, in order.
  returned: success, or if actions failed
  type: list
  elements: str
  sample: [write /etc/xen/vms/stuvus-web01.cfg (0644)]
pending_restarts:
  description: VMs that run with other settings than defined.
  returned: success, or if actions failed
  type: list
  elements: str
leftovers:
  description: Files that are no longer asked for, and stay without O(prune).
  returned: success, or if actions failed
  type: list
  elements: str
unmanaged:
  description: VMs that are no longer defined.
  returned: success, or if actions failed
  type: list
  elements: str
failures:
  description: Actions that failed while the rest was done.
  returned: success, or if actions failed
  type: list
  elements: str
packages:
  description: The Debian packages that the definition needs.
  returned: in check mode
  type: list
  elements: str
generation:
  description: Where what was there before is kept.
  returned: success, or if actions failed
  type: str
errors:
  description: What is wrong with the definition.
  returned: if something is
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xen_vman.xen_vman.plugins.module_utils.engine import ARGUMENTS, converge


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            ARGUMENTS,
            prune=dict(type="bool", default=False),
            allow_reinstall=dict(type="raw", default=False),
            progress=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    converge(module)


if __name__ == "__main__":
    main()
