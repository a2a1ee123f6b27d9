"""The package as it is installed."""

import importlib.metadata

import xen_vman


def test_version_is_the_one_of_the_distribution():
    assert xen_vman.__version__ == importlib.metadata.version("xen-vman")


def test_all_names_exist():
    assert all(hasattr(xen_vman, name) for name in xen_vman.__all__)
