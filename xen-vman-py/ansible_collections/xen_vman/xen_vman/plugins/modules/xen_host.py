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
  async:
    description: The module continues in a process of its own anyway, which outlives the connection.
    support: none
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
    description: Whether to check before the first change that a running host has Xen, and then all programs that are needed.
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
  install_packages:
    description: Whether to install the Debian packages that the definition needs, and O(packages).
    type: bool
    default: false
  packages:
    description: Debian packages to install in addition, with O(install_packages).
    type: list
    elements: str
    default: []
  deb:
    description:
      - Where the Debian packages C(python3-xen-vman) and C(xen-vman) come from. Files on the controller are a path, a list
        of paths, or a directory that contains them. An apt repository is an address, followed by suite and components, or
        by a directory that ends in C(/); by default, C(stable main). C(apt) is what apt on the host already knows.
      - Packages on the host are upgraded to newer files, and never downgraded.
    type: raw
  deb_key:
    description: The public key of the apt repository in O(deb), a file on the controller.
    type: path
  keep_definition:
    description:
      - Whether to leave the definition in C(/etc/xen-vman/ansible.toml), with all expressions evaluated and readable by root
        only, so that C(xen-vman-cli status), C(plan) and C(doctor) on the host find the VMs.
      - A file that Ansible did not write is never replaced; if there are others in C(/etc/xen-vman), a warning says so.
    type: bool
    default: false
  pip_args:
    description: For internal use. With these, the role lets pip install the package.
    type: list
    elements: str
  apt:
    description: For internal use. The action plugin on the controller says here what to install.
    type: dict
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
pending_mounts:
  description: What to change in the fstab of guests that run.
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
from ansible_collections.xen_vman.xen_vman.plugins.module_utils.outcome import end


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            ARGUMENTS,
            prune=dict(type="raw", default=False),
            remove_all=dict(type="bool", default=False),
            preflight=dict(type="bool", default=True),
            allow_reinstall=dict(type="raw", default=False),
            install_packages=dict(type="bool", default=False),
            packages=dict(type="list", elements="str", default=[]),
            deb=dict(type="raw"),
            deb_key=dict(type="path", no_log=False),
            pip_args=dict(type="list", elements="str"),
            keep_definition=dict(type="bool", default=False),
            apt=dict(type="dict"),
            progress=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    end(module, converge, None if module.check_mode else module.params["progress"])


if __name__ == "__main__":
    main()
