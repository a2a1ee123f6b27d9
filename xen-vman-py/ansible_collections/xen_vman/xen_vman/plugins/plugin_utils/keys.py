"""Public keys of OpenPGP, in files on the controller: what a host gets must not be a private one."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from ansible.errors import AnsibleActionFail

BEGINS = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
# Types of packets, see RFC 9580: a key begins with the first one, and a private one has others.
PUBLIC_KEY = 6
OF_PUBLIC_KEYS = {PUBLIC_KEY: "public key", 2: "signature", 12: "trust", 13: "user id", 14: "public subkey", 17: "user attribute", 21: "padding"}
OF_PRIVATE_KEYS = {5: "secret key", 7: "secret subkey"}
HOW = "it must be a public key, as `gpg --export` or `gpg --armor --export` writes it; nothing was changed"


def check(path: str) -> None:
    """Fails if a file is anything but a public key that apt can read."""
    try:
        with open(path, "rb") as file:
            content = file.read()
        found = list(types(dearmored(content) if content.startswith(b"-----") else content))
    except (OSError, ValueError) as error:
        raise AnsibleActionFail(f"xen_vman_deb_key is {path}, which cannot be read as a key ({error}), but {HOW}") from None
    if b"PRIVATE KEY" in content or OF_PRIVATE_KEYS.keys() & set(found):
        raise AnsibleActionFail(f"xen_vman_deb_key is {path}, which contains a private key, but everyone on the hosts can read it: {HOW}")
    if found[:1] != [PUBLIC_KEY] or set(found) - OF_PUBLIC_KEYS.keys():
        raise AnsibleActionFail(f"xen_vman_deb_key is {path}, which is not a public key of OpenPGP, but {HOW}")


def dearmored(content: bytes) -> bytes:
    """Returns the packets of the first ASCII-armored key; apt reads no more than that."""
    if b"PRIVATE KEY" in content:
        return b""
    text = content.replace(b"\r\n", b"\n")
    found = re.match(re.escape(BEGINS) + rb"\n(?:[A-Za-z]+: .*\n)*[ \t]*\n([A-Za-z0-9+/=\n]+?)(?:\n=[A-Za-z0-9+/]{4})?\n+-----END PGP", text)
    if found is None:
        raise ValueError(f"its first line must be `{BEGINS.decode()}`, and it must be complete")
    try:
        return base64.b64decode(found[1].replace(b"\n", b""), validate=True)
    except binascii.Error as error:
        raise ValueError(f"its Base64 is damaged: {error}") from None


def types(content: bytes) -> Iterator[int]:
    """Returns the type of each packet."""
    at = 0
    while at < len(content):
        first = content[at]
        if not first & 0x80:
            raise ValueError("it is neither ASCII-armored nor in the binary format of OpenPGP")
        octet = content[at + 1] if at + 1 < len(content) else 0
        if first & 0x40:
            kind = first & 0x3F
            width = 1 if octet < 192 else 2 if octet < 224 else 5
            size = octet if width == 1 else int.from_bytes(content[at + 2 : at + 6], "big")
            if width == 2:
                size = (octet - 192 << 8) + int.from_bytes(content[at + 2 : at + 3], "big") + 192
            if 224 <= octet < 255:
                raise ValueError("it has a packet without a length")
        else:
            kind, width = first >> 2 & 0x0F, 1 << (first & 3)
            if width == 8:
                raise ValueError("it has a packet without a length")
            size = int.from_bytes(content[at + 1 : at + 1 + width], "big")
        yield kind
        at += 1 + width + size
    if at != len(content):
        raise ValueError("it is truncated")
