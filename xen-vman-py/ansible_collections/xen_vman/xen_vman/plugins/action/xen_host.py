"""What of xen_host is done on the controller."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

from ansible_collections.xen_vman.xen_vman.plugins.plugin_utils.engine import ConvergingAction


class ActionModule(ConvergingAction):
    """Brings a host to what is defined."""

    MODULE = "xen_host"
