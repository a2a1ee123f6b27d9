"""Renders files on the controller, for playbooks that copy them themselves."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
name: files
author: The xen-vman authors (@xen-vman)
version_added: 0.1.0
short_description: Renders the files of a Xen host and its guests
description:
  - Renders every file that O(_terms) needs, on the controller. The host is not changed.
  - Some files contain passwords. A task that writes them shows the passwords with C(--diff), unless it sets C(no_log).
  - The module M(xen_vman.xen_vman.xen_host) writes the same files.
options:
  _terms:
    description:
      - Definitions, as dicts. If none is given, the variables C(xen_vman_*) are the definition.
    type: list
    elements: dict
    required: false
requirements:
  - the Python package xen-vman, on the controller
"""

EXAMPLES = r"""
- name: Copy the configurations of the VMs
  ansible.builtin.copy:
    dest: "{{ item.path }}"
    content: "{{ item.content }}"
    mode: "{{ item.mode }}"
  loop: "{{ query('xen_vman.xen_vman.files') | selectattr('path', 'match', '/etc/xen/vms/') }}"
  loop_control:
    label: "{{ item.path }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: The files.
  type: list
  elements: dict
  contains:
    path:
      description: The path on the host or in the guest.
      type: str
    mode:
      description: The mode, such as C(0644).
      type: str
    owner:
      description: C(root), or the user of a guest.
      type: str
    vm:
      description: The guest that the file belongs to; null for files of the host.
      type: str
    content:
      description: The content.
      type: str
"""

import base64
import typing

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..module_utils.engine import lines_of
from ..plugin_utils.definition import Variables, given, plain
from ..plugin_utils.engine import problems


class LookupModule(LookupBase):
    """Renders files on the controller."""

    def run(self, terms: typing.Any, variables: typing.Any = None, **kwargs: typing.Any) -> list[dict[str, typing.Any]]:
        try:
            import xen_vman
        except ImportError as error:
            raise AnsibleLookupError("the Python package xen-vman must be installed on the controller") from error

        def find(name: str) -> str:
            return str(self.find_file_in_search_path(variables, "files", name))

        everything = [given(plain(term), find) for term in terms]
        if not terms:
            everything = [Variables(variables or {}, self._templar).gather(find)]
        files: list[dict[str, typing.Any]] = []
        for gathered in everything:
            contents = {name: base64.b64decode(text) for name, text in gathered.scripts.items()}
            try:
                rendered = xen_vman.render(gathered.definition, scripts=contents)
                errors = rendered.report.errors
            except xen_vman.DefinitionError as error:
                errors = error.report.errors
            wrong = gathered.problems + lines_of(errors, gathered.origins, gathered.left_out)
            if wrong:
                raise AnsibleLookupError(problems(wrong))
            files += [
                {
                    "path": file.path,
                    "mode": f"{file.mode:04o}",
                    "owner": file.owner,
                    "vm": file.vm,
                    "content": file.text,
                }
                for file in rendered.files
            ]
        return files
