#!/usr/bin/python
"""Reports the state of a Xen host's VMs."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: xen_vm_info
author: The xen-vman authors (@xen-vman)
version_added: 0.1.0
short_description: Reports the state of a Xen host's VMs
description:
  - Lists the VMs that are defined, no longer defined, or running.
attributes:
  async:
    description: It takes seconds.
    support: none
  check_mode:
    description: Never changes anything.
    support: full
  diff_mode:
    description: There are no changes to show.
    support: none
  platform:
    description: Debian with Xen.
    platforms: debian
    support: full
options:
  definition:
    description:
      - The host and its VMs, with the keys of the TOML schema or the variables of the role.
      - If not set, the variables C(xen_vman_*) are the definition.
    type: dict
  root:
    description: The directory to treat as the host's C(/).
    type: path
    default: /
  package:
    description:
      - A virtual environment on the host that may contain the Python package xen-vman.
      - A Debian package python3-xen-vman on the host comes first. If the host has neither, O(wheel) or the package installed
        on the controller is transferred for this run.
    type: path
    default: /opt/xen-vman/venv
  wheel:
    description: The wheel of the Python package, on the controller.
    type: path
  requirement:
    description:
      - The required version of the Python package, such as C(xen-vman~=0.1.0), if O(wheel) is not set. By default, those
        that this collection works with.
    type: str
  bundle:
    description: For internal use. The action plugin on the controller puts the definition in this file.
    type: path
requirements:
  - the Python package xen-vman, on the host or on the controller
seealso:
  - module: xen_vman.xen_vman.xen_host
"""

EXAMPLES = r"""
- name: Get the state of the VMs
  xen_vman.xen_vman.xen_vm_info:
    package: /opt/xen-vman/venv
  register: xen

- name: Show the VMs that are not running
  ansible.builtin.debug:
    msg: "{{ xen.vms | rejectattr('is_running') | map(attribute='domain') }}"
"""

RETURN = r"""
vms:
  description: The VMs, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    domain:
      description: Its name in Xen, such as C(ORG-NAME).
      type: str
    is_defined:
      description: Whether it is in the definition.
      type: bool
    is_enabled:
      description: Whether it starts with the host.
      type: bool
    is_running:
      description: Whether it is running; null if Xen does not answer.
      type: bool
    is_started_by_unit:
      description: Whether its unit started it, and so can stop it; null if it is not running.
      type: bool
    needs_restart:
      description: Whether it runs with outdated settings.
      type: bool
    installed:
      description: C(yes), C(unfinished), C(no), or C(foreign) if xen-vman does not manage its root.
      type: str
    storage:
      description: The location of its root.
      type: str
    is_connected:
      description: Whether its disk is connected.
      type: bool
    is_mounted:
      description: Whether its root is mounted on the host.
      type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xen_vman.xen_vman.plugins.module_utils.engine import ARGUMENTS, inform
from ansible_collections.xen_vman.xen_vman.plugins.module_utils.outcome import end


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    end(module, inform)


if __name__ == "__main__":
    main()
