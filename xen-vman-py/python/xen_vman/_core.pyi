"""The compiled core of `xen_vman`."""

__version__: str
"""The version of the package."""
