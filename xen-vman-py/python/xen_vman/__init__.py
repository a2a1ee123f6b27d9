"""Xen VMs on Debian from one definition."""

from xen_vman._core import __version__

__all__ = ["__version__"]
