#!/usr/bin/python
"""Makes a Xen host match its definition."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: xen_host
author: The xen-vman authors (@xen-vman)
version_added: 0.1.0
short_description: Makes a Xen host match its definition
description:
  - Writes the configurations of all VMs, systemd units, initrd hooks and network scripts; installs guests and starts
    new ones.
  - Reports all problems in the definition at once, before anything is changed.
  - An interrupted run does no harm; the next run completes the work. If the connection is lost, the host continues on
    its own.
attributes:
  check_mode:
    description: Reports what would change, and changes nothing. Without the Python package, it is skipped with a warning.
    support: full
  diff_mode:
    description: Shows the changes to files, without passwords.
    support: full
  platform:
    description: Debian with Xen.
    platforms: debian
    support: full
options:
  definition:
    description:
      - The host and its VMs, with the keys of the TOML schema or the variables of the role.
      - If not set, the variables C(xen_vman_*) are the definition. Expressions over C(vm) or C(interface) are
        evaluated for each VM or interface.
    type: dict
  prune:
    description:
      - Whether to stop VMs that are no longer defined and remove their files. Their data is kept. A VM, as
        C(ORG-NAME), or a list of VMs restricts it to those; if any other would be removed, nothing is done.
    type: raw
    default: false
  remove_all:
    description: Whether O(prune) may leave the host without VMs.
    type: bool
    default: false
  preflight:
    description: Whether to check before the first change that a running host has Xen and all programs that are needed.
    type: bool
    default: true
  allow_reinstall:
    description:
      - Whether C(reinstall) in the definition of a VM may erase its root. A VM, as C(ORG-NAME), or a list of VMs
        restricts it to those.
    type: raw
    default: false
  root:
    description: The directory to treat as the host's C(/). Any other than C(/) is an image, in which no program is run.
    type: path
    default: /
  package:
    description:
      - A virtual environment on the host that contains the Python package xen-vman.
      - If it does not contain the package, O(wheel) or the package installed on the controller is transferred for this run.
    type: path
  wheel:
    description: The wheel of the Python package, on the controller.
    type: path
  requirement:
    description:
      - The required version of the Python package, such as C(xen-vman==0.1.0), if O(wheel) is not set.
      - Any other version is treated as missing.
    type: str
  bundle:
    description: For internal use. The action plugin on the controller puts the definition in this file.
    type: path
  progress:
    description: For internal use. The action plugin on the controller reads the progress from this file.
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
  description: The actions that were done, or would be done in check mode, in order.
  returned: success, or if actions failed
  type: list
  elements: str
  sample: [write /etc/xen/vms/stuvus-web01.cfg (0644)]
pending_restarts:
  description: VMs that run with outdated settings.
  returned: success, or if actions failed
  type: list
  elements: str
orphaned_files:
  description: Files that are no longer needed; they are kept unless O(prune) is set.
  returned: success, or if actions failed
  type: list
  elements: str
orphaned_vms:
  description: VMs that are no longer defined and whose configuration is still on the host.
  returned: success, or if actions failed
  type: list
  elements: str
failures:
  description: Actions that failed; the others were done.
  returned: success, or if actions failed
  type: list
  elements: str
packages:
  description: The Debian packages that the definition needs.
  returned: in check mode
  type: list
  elements: str
generation:
  description: The directory that keeps the previous files.
  returned: success, or if actions failed
  type: str
errors:
  description: The problems in the definition.
  returned: if there are any
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xen_vman.xen_vman.plugins.module_utils.engine import ARGUMENTS, converge


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            ARGUMENTS,
            prune=dict(type="raw", default=False),
            remove_all=dict(type="bool", default=False),
            preflight=dict(type="bool", default=True),
            allow_reinstall=dict(type="raw", default=False),
            progress=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    converge(module)


if __name__ == "__main__":
    main()
