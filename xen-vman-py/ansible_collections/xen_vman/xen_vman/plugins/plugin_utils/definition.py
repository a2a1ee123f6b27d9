"""Builds the definition of a host from the users' variables."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

import base64
import dataclasses
import datetime
import os
import typing
from collections.abc import Callable, Mapping

import jinja2
import jinja2.nodes
import yaml
from ansible import constants as C
from ansible.errors import AnsibleError

PREFIX = "xen_vman_"
DEFAULT = "xen_vman_default_"
LAZY_BRIDGE = "xen_vman_lazy_default_network_bridge"
SCRIPTS = "xen_vman_additional_network_scripts"

with open(os.path.join(os.path.dirname(__file__), "../../roles/xen_vman/defaults/main.yml"), encoding="utf-8") as file:
    DEFAULTS = yaml.safe_load(file)

# Variables that only the role uses; they are not part of the definition.
OF_THE_ROLE = frozenset(
    {
        "xen_vman_allow_reinstall",
        "xen_vman_deb",
        "xen_vman_deb_key",
        "xen_vman_keep_definition",
        "xen_vman_packages",
        "xen_vman_pip_args",
        "xen_vman_preflight",
        "xen_vman_prune",
        "xen_vman_remove_all",
        "xen_vman_requirement",
        "xen_vman_root",
        "xen_vman_venv",
        "xen_vman_wheel",
    }
)

# Defaults that apply to interfaces, and their keys there; all others apply to the VM.
OF_INTERFACES = {
    "mtu": "mtu",
    "network_bridge": "bridge",
    "network_script": "script",
    "vifname_prefix": "vifname_prefix",
    "xen_str": "xen_str",
}

OPTIONS = "additional_xen_options"
MISSPELT = {"additonal_xen_options": OPTIONS}

# They contain every variable of every host; an expression that mentions one rarely uses all of them.
ALL_VARIABLES = frozenset({"groups", "hostvars", "vars"})


@dataclasses.dataclass
class Gathered:
    """The definition, and what is needed to report problems in it."""

    definition: dict[str, typing.Any]
    scripts: dict[str, str] = dataclasses.field(default_factory=dict)
    """Network scripts, in Base64, by their path in the definition."""
    origins: dict[str, str] = dataclasses.field(default_factory=dict)
    """The variables whose values were evaluated for a VM or interface, by the path of the value."""
    problems: list[str] = dataclasses.field(default_factory=list)
    """Messages about values that could not be evaluated."""
    left_out: list[str] = dataclasses.field(default_factory=list)
    """The paths of those values."""


class Variables:
    """The variables of a host, some of which are evaluated for each VM and interface."""

    def __init__(self, variables: Mapping[str, typing.Any], templar: typing.Any) -> None:
        self._variables = variables
        self._templar = templar
        self._scope = dict(variables)
        self._scoped = templar.copy_with_new_env(available_variables=self._scope)

    def gather(self, find: Callable[[str], str], user: str | None = None) -> Gathered:
        """Builds the definition; `find` returns the path of a file in the play."""
        gathered = Gathered({})
        lazy = []
        for name in sorted(self._variables):
            if not name.startswith(PREFIX) or name in OF_THE_ROLE:
                continue
            # The engine has the same defaults, and a default must not override a written value.
            if self._variables[name] == DEFAULTS.get(name, self):
                continue
            if (name.startswith(DEFAULT) or name == LAZY_BRIDGE) and self._uses_vm(self._variables[name], set()):
                lazy.append(name)
                continue
            gathered.definition[name] = self._evaluated(name, self._variables[name], gathered)
        self._fill_in(lazy, gathered)
        for name, value in (
            ("xen_vman_guest_user", self._guest_user(user)),
            ("xen_vman_header", self._header(gathered)),
        ):
            if value:
                gathered.definition.setdefault(name, value)
        gathered.scripts = scripts(gathered.definition.get(SCRIPTS), find)
        return gathered

    def _uses_vm(self, value: typing.Any, seen: set[str]) -> bool:
        """Whether an expression uses `vm` or `interface`, by itself or through other variables."""
        if isinstance(value, str):
            if "{" not in value:
                return False
            try:
                parsed = jinja2.Environment().parse(value)
            except jinja2.TemplateSyntaxError:
                return False
            names = {node.name for node in parsed.find_all(jinja2.nodes.Name)}
            if names & {"vm", "interface"}:
                return True
            new = (names - seen - ALL_VARIABLES) & self._variables.keys()
            seen |= new
            return any(self._uses_vm(self._variables[name], seen) for name in new)
        # Other containers may evaluate their items on access.
        if isinstance(value, dict):
            return any(self._uses_vm(one, seen) for one in value.values())
        if isinstance(value, list):
            return any(self._uses_vm(one, seen) for one in value)
        return False

    def _evaluated(self, path: str, value: typing.Any, gathered: Gathered) -> typing.Any:
        """Evaluates a value; parts that cannot be evaluated are omitted and reported with their path."""
        try:
            return plain(self._templar.template(value))
        except AnsibleError as error:
            if isinstance(value, dict):
                return {str(key): self._evaluated(f"{path}.{key}", one, gathered) for key, one in value.items()}
            if isinstance(value, list):
                return [self._evaluated(f"{path}[{number}]", one, gathered) for number, one in enumerate(value)]
            gathered.problems.append(f"{path}: {reason(error)}")
            gathered.left_out.append(path)
            return None

    def _fill_in(self, lazy: list[str], gathered: Gathered) -> None:
        vms = gathered.definition.get("xen_vman_vms")
        for number, vm in enumerate(vms if lazy and isinstance(vms, list) else []):
            if not isinstance(vm, dict):
                continue
            # Expressions see the VM and the interface as they are written.
            scene = scene_of(vm)
            interfaces = vm.get("interfaces")
            if isinstance(interfaces, list):
                scene["interfaces"] = [scene_of(one) if isinstance(one, dict) else one for one in interfaces]
            for name in lazy:
                key = name[len(DEFAULT) :] if name != LAZY_BRIDGE else "network_bridge"
                path = f"xen_vman_vms[{number}]"
                if key not in OF_INTERFACES:
                    self._fill(name, MISSPELT.get(key, key), vm, path, {"vm": scene}, gathered)
                    continue
                for devid, interface in enumerate(interfaces if isinstance(interfaces, list) else []):
                    if isinstance(interface, dict):
                        seen = {"vm": scene, "interface": scene["interfaces"][devid]}
                        inner = f"{path}.interfaces[{devid}]"
                        self._fill(name, OF_INTERFACES[key], interface, inner, seen, gathered)

    def _fill(
        self,
        name: str,
        key: str,
        table: dict[str, typing.Any],
        path: str,
        seen: dict[str, typing.Any],
        gathered: Gathered,
    ) -> None:
        """Evaluates an expression and sets its value in a table, unless the table has one already."""
        written = table.get(key)
        if written not in (None, "") and key != OPTIONS:
            return
        if key == "vifname_prefix" and table.get("vifname"):
            return
        self._scope.update(seen)
        # Setting them discards cached results of the last evaluation.
        self._scoped.available_variables = self._scope
        try:
            value = plain(self._scoped.template(self._variables[name]))
        except AnsibleError as error:
            gathered.problems.append(f"{name}, for {path}: {reason(error)}")
            gathered.left_out.append(f"{path}.{key}")
            return
        if value in (None, ""):
            return
        if written not in (None, ""):
            add_options(name, value, table, path, gathered)
            return
        table[key] = value
        gathered.origins[f"{path}.{key}"] = name

    def _guest_user(self, user: str | None) -> str | None:
        """Returns the user to create in guests: the connecting user, unless that is root."""
        known = self._templar.template(self._variables.get("ansible_user")) or user
        return None if known == "root" else known

    def _header(self, gathered: Gathered) -> str | None:
        """Returns `ansible_managed`, on one line."""
        written = self._evaluated("ansible_managed", self._variables.get("ansible_managed"), gathered)
        return " ".join(str(written or managed_by_settings()).split())


def scene_of(table: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """Returns a VM or an interface as expressions see it: data of the user's own is found in `extra` and outside of it."""
    extra = table.get("extra")
    if not isinstance(extra, dict):
        extra = {}
    return {**extra, **table, "extra": {**table, **extra}}


def managed_by_settings() -> str:
    """Returns `ansible_managed` from ansible.cfg, unless it has placeholders: a date would change the files in every run."""
    try:
        written = str(C.config.get_config_value("DEFAULT_MANAGED_STR"))
    except AnsibleError:
        written = ""
    return written if written and not set(written) & set("%{") else "Ansible managed"


def reason(error: AnsibleError) -> str:
    """Returns Ansible's message about an expression. Older versions repeat it."""
    text = str(error)
    half = text[: (len(text) - 2) // 2]
    return half if text == f"{half}. {half}" else text


def add_options(
    name: str, default: typing.Any, vm: dict[str, typing.Any], path: str, gathered: Gathered
) -> None:
    """Adds default xl.cfg options that a VM does not set itself. The engine reports problems in the VM's own options."""
    written = vm[OPTIONS]
    own, others = pairs(written), pairs(default)
    if own is None or others is None:
        return
    known = {pair[0] for pair in own}
    others = [pair for pair in others if pair[0] not in known]
    for number, pair in enumerate(others, len(own)):
        suffix = f".{pair[0]}" if isinstance(written, dict) else f"[{number}]"
        gathered.origins[f"{path}.{OPTIONS}{suffix}"] = f"{name}.{pair[0]}"
    vm[OPTIONS] = {**written, **dict(others)} if isinstance(written, dict) else own + others


def pairs(options: typing.Any) -> list[list[typing.Any]] | None:
    """Returns xl.cfg options, a dict or a list of pairs, as pairs; None if they are neither."""
    if isinstance(options, dict):
        return [[option, value] for option, value in options.items()]
    if isinstance(options, list) and all(
        isinstance(one, list) and len(one) == 2 and isinstance(one[0], str) for one in options
    ):
        return options
    return None


def given(definition: dict[str, typing.Any], find: Callable[[str], str]) -> Gathered:
    """Wraps an explicit definition, with the role's variables or the keys of the TOML schema."""
    names = definition.get(SCRIPTS, definition.get(SCRIPTS[len(PREFIX) :]))
    return Gathered(definition, scripts(names, find))


def scripts(names: typing.Any, find: Callable[[str], str]) -> dict[str, str]:
    """Reads the network scripts of a play. The engine reports missing ones."""
    found = {}
    for name in [names] if isinstance(names, str) else names if isinstance(names, list) else []:
        if not isinstance(name, str) or name == "vif-p2p":
            continue
        try:
            with open(find(name), "rb") as file:
                found[name] = base64.b64encode(file.read()).decode()
        except (AnsibleError, OSError):
            continue
    return found


def plain(value: typing.Any) -> typing.Any:
    """Converts a value to types that JSON supports."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)
