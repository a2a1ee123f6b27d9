"""The guests of several scenarios: one with its root on NFS, one with an iSCSI disk, and some whose roots are made on dom0."""

WEB_ADDRESS = "10.77.0.15"
WEB_ROOT = "/srv/nfs/stuvus/web01-root"
DB_IQN = "iqn.2026-11.lab:stuvus-db01"
DB = """
[[vms]]
org = "stuvus"
name = "db01"
storage_type = "iscsi"
boot_after_creation = false
os = { type = "debian", version = "bookworm" }
interfaces = [{ ip = "10.77.0.21/24", bridge = "br0" }]
"""


def web(*more: str) -> str:
    """The definition of the guest on NFS, with more lines."""
    lines = [
        "[[vms]]",
        'org = "stuvus"',
        'name = "web01"',
        *more,
        'os = { type = "debian", version = "bookworm" }',
        f'interfaces = [{{ ip = "{WEB_ADDRESS}/24", bridge = "br0" }}]',
    ]
    return "\n" + "\n".join(lines) + "\n"


IMAGES = "/srv/images"
DATASET = "tank/vms"
VOLUMES = f'lvm_vg = "vg0"\nfile_dir = "{IMAGES}"\n'


def on_volume(name: str, address: str, storage: str, size: str, *more: str) -> str:
    """The definition of a guest whose root is made in the volume group or directory of `VOLUMES`, or in `DATASET`, with more lines."""
    lines = ["[[vms]]", 'org = "stuvus"', f'name = "{name}"', f'storage_type = "{storage}"', f'size = "{size}"', *more]
    lines += ['os = { type = "debian", version = "bookworm" }', f'interfaces = [{{ ip = "{address}/24", bridge = "br0" }}]']
    return "\n" + "\n".join(lines) + "\n"
