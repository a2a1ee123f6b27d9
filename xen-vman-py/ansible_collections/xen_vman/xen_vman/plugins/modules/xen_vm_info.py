#!/usr/bin/python
"""Tells how the VMs of a Xen host are."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: xen_vm_info
author: The xen-vman authors (@xen-vman)
version_added: 0.1.0
short_description: Tells how the VMs of a Xen host are
description:
  - Lists the VMs that are defined, those that were, and those that run.
attributes:
  check_mode:
    description: Changes nothing in any mode.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  platform:
    description: Debian with Xen.
    platforms: debian
    support: full
options:
  definition:
    description:
      - The host and its VMs, in the words of the TOML schema, or as the variables of the role.
      - If not given, it is made of the variables C(xen_vman_*).
    type: dict
  root:
    description: The directory that stands for the host's C(/).
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
requirements:
  - the Python package xen-vman, on the host or on the controller
seealso:
  - module: xen_vman.xen_vman.xen_host
"""

EXAMPLES = r"""
- name: Ask how the VMs are
  xen_vman.xen_vman.xen_vm_info:
    package: /opt/xen-vman/venv
  register: xen

- name: Show those that do not run
  ansible.builtin.debug:
    msg: "{{ xen.vms | rejectattr('is_running') | map(attribute='domain') }}"
"""

RETURN = r"""
vms:
  description: The VMs, by their names.
  returned: success
  type: list
  elements: dict
  contains:
    domain:
      description: Its name for Xen, as C(ORG-NAME).
      type: str
    is_defined:
      description: Whether it is in the definition.
      type: bool
    is_enabled:
      description: Whether it is started with the host.
      type: bool
    is_running:
      description: Whether it runs; none if Xen cannot be asked.
      type: bool
    needs_restart:
      description: Whether it runs with other settings than defined.
      type: bool
    installed:
      description: C(yes), C(unfinished), C(no), or C(foreign) if its root is not looked after.
      type: str
    storage:
      description: Where its root is.
      type: str
    is_at_hand:
      description: Whether its disk is there now.
      type: bool
    is_mounted:
      description: Whether its root is mounted on the host.
      type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xen_vman.xen_vman.plugins.module_utils.engine import ARGUMENTS, inform


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    inform(module)


if __name__ == "__main__":
    main()
