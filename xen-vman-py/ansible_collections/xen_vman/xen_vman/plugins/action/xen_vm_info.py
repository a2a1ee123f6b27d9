"""What of xen_vm_info is done on the controller."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

from ansible_collections.xen_vman.xen_vman.plugins.plugin_utils.engine import EngineAction


class ActionModule(EngineAction):
    """Tells how VMs are."""

    MODULE = "xen_vm_info"
