"""A laboratory: real Xen with a Debian dom0, inside QEMU without hardware virtualisation.

`trees` makes Debian trees, `image` makes of them what boots, `machine` runs it.
"""
