"""The part of xen_vm_info that runs on the controller."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

from ansible_collections.xen_vman.xen_vman.plugins.plugin_utils.engine import EngineAction


class ActionModule(EngineAction):
    """Reports the state of VMs."""

    MODULE = "xen_vm_info"
