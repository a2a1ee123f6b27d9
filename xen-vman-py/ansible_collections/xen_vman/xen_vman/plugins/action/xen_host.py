"""The part of xen_host that runs on the controller."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

from ansible_collections.xen_vman.xen_vman.plugins.plugin_utils.engine import ConvergingAction


class ActionModule(ConvergingAction):
    """Makes a host match its definition."""

    MODULE = "xen_host"
