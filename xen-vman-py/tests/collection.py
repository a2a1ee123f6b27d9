"""Files of the Ansible collection that are generated from the types."""

import json
import pathlib
import textwrap

import xen_vman
import yaml

COLLECTION = pathlib.Path(__file__).parents[1] / "ansible_collections" / "xen_vman" / "xen_vman"
ROLE = COLLECTION / "roles" / "xen_vman"

# Variables that only the role uses: default, type and description.
OF_THE_ROLE = {
    "xen_vman_deb": (
        None,
        {"type": "raw"},
        "Where the Debian packages `python3-xen-vman` and `xen-vman` come from: files on the controller (a path, a list of "
        "paths, or a directory that contains them); an apt repository, such as `https://apt.example.org stable main`; or "
        "`apt`, for what apt on the host already knows. Not needed if the host has them.",
    ),
    "xen_vman_deb_key": (
        None,
        {"type": "path"},
        "The public key of the apt repository in `xen_vman_deb`, a file on the controller.",
    ),
    "xen_vman_venv": (
        "/opt/xen-vman/venv",
        {"type": "path"},
        "The virtual environment on the host in which the Python package is installed, if it comes from a wheel or from pip.",
    ),
    "xen_vman_wheel": (
        None,
        {"type": "path"},
        "The wheel of the Python package, on the controller, instead of Debian packages. It is installed in a virtual "
        "environment.",
    ),
    "xen_vman_requirement": (
        # Before 1.0, a new minor version may change what the modules call.
        f"xen-vman~={xen_vman.__version__}",
        {"type": "str"},
        "The versions that the collection works with, as pip writes them.",
    ),
    "xen_vman_pip_args": (
        [],
        {"type": "list", "elements": "str"},
        "With these arguments, such as `--index-url=URL`, pip on the host installs the package in a virtual environment, "
        "instead of Debian packages; without any, it is not run.",
    ),
    "xen_vman_root": (
        "/",
        {"type": "path"},
        "The directory to treat as the host's root. To prepare an image, set another one; no program is run in it.",
    ),
    "xen_vman_packages": (
        [],
        {"type": "list", "elements": "str"},
        "Debian packages to install in addition to those that the VMs need.",
    ),
    "xen_vman_keep_definition": (
        True,
        {"type": "bool"},
        "Whether to leave the definition in `/etc/xen-vman/ansible.toml` on the host, readable by root only, where "
        "`xen-vman-cli` finds it.",
    ),
    "xen_vman_prune": (
        False,
        {"type": "raw"},
        "Whether to stop VMs that are no longer defined and remove their files. Their data is kept. A VM, as ORG-NAME, "
        "or a list of VMs restricts it to those; if any other would be removed, nothing is done.",
    ),
    "xen_vman_remove_all": (
        False,
        {"type": "bool"},
        "Whether `xen_vman_prune` may leave the host without VMs.",
    ),
    "xen_vman_allow_reinstall": (
        True,
        {"type": "raw"},
        "Whether `reinstall` of a VM may erase its root. A VM, as ORG-NAME, or a list of VMs restricts it to those.",
    ),
    "xen_vman_preflight": (
        True,
        {"type": "bool"},
        "Whether to check before the first change that a running host has Xen and all programs that are needed.",
    ),
}

ABOUT = [
    "The variables of the role. The role checks all of them at once, before anything is changed. That is why this is not "
    "the entry point C(main), for which Ansible would check the variables itself, one at a time.",
    "Any C(xen_vman_default_*) may be an expression over C(vm). Those that apply to interfaces, and "
    "C(xen_vman_lazy_default_network_bridge), may also use C(interface).",
]


# The pattern of strings that contain an expression.
EXPRESSION = xen_vman.schema()["properties"]["defaults"]["properties"]["gateway"]["anyOf"][-1]["pattern"]


class Dumper(yaml.SafeDumper):
    """Indents lists as yamllint expects."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def dump(value):
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, width=118, explicit_start=True, allow_unicode=True)


def kind(schema):
    """The argument spec's type for a schema."""
    if "anyOf" in schema:
        kinds = [kind(one) for one in schema["anyOf"] if one.get("pattern") != EXPRESSION]
        lists = [one for one in kinds if one["type"] == "list"]
        if lists and all(one["type"] in ("list", lists[0].get("elements")) for one in kinds):
            return lists[0]
        return kinds[0] if len(kinds) == 1 else {"type": "raw"}
    if "enum" in schema:
        return {"type": "str", "choices": schema["enum"]}
    words = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "integer" in words and schema.get("pattern") == "^[0-9]+$":
        return {"type": "int"}
    if set(words) == {"string", "number"}:
        return {"type": "str"}
    if len(words) > 1:
        return {"type": "raw"}
    if words == ["array"]:
        return {"type": "list", "elements": kind(schema["items"])["type"] if "items" in schema else "raw"}
    return {"type": {"string": "str", "boolean": "bool", "object": "dict", "integer": "int"}[words[0]]}


def option(schema):
    """The option for a variable, a key of a VM, or a key of an interface."""
    found = kind(schema)
    table = schema.get("items", schema)
    if "description" in schema:
        found["description"] = [schema["description"].replace("`", "'")]
    if "default" in schema:
        found["default"] = schema["default"]
    if table.get("properties") and "additionalProperties" in table and found["type"] != "raw":
        found["options"] = options(table["properties"])
    return found


def options(properties):
    return {key: option(schema) for key, schema in properties.items()}


def argument_specs():
    """`meta/argument_specs.yml`."""
    schema = json.loads(json.dumps(xen_vman.schema()["properties"]))
    defaults = schema.pop("defaults")["properties"]
    every = {f"xen_vman_{key}": option(one) for key, one in schema.items()}
    every.update({f"xen_vman_default_{key}": option(one) for key, one in defaults.items()})
    every["xen_vman_vms"]["description"] = ["The VMs."]
    vm = every["xen_vman_vms"]["options"]
    for table, keys in ((vm, ("org", "name", "interfaces", "os")), (vm["os"]["options"], ("type", "version")), (vm["volumes"]["options"], ("name",))):
        for key in keys:
            table[key]["required"] = True
    for name, (default, kind_of, text) in OF_THE_ROLE.items():
        every[name] = {**kind_of, "description": [text.replace("`", "'")]}
        if default is not None:
            every[name]["default"] = default
    return dump(
        {
            "argument_specs": {
                "variables": {
                    "short_description": "Manages Xen VMs on Debian hosts",
                    "description": ABOUT,
                    "options": every,
                }
            }
        }
    )


def defaults():
    """`defaults/main.yml`."""
    schema = xen_vman.schema()["properties"]
    inner = schema["defaults"]["properties"]
    every = {f"xen_vman_{key}": one["default"] for key, one in schema.items() if "default" in one}
    every.update({f"xen_vman_default_{key}": one["default"] for key, one in inner.items() if "default" in one})
    # Under Ansible, the header is `ansible_managed`, and the guests' user is the connecting user.
    for name in ("xen_vman_header", "xen_vman_guest_user"):
        del every[name]
    # Detected on the host.
    for name in ("xen_vman_xl_path", "xen_vman_iscsiadm_path"):
        del every[name]
    every.update({name: default for name, (default, _, _) in OF_THE_ROLE.items() if default is not None})
    return dump(every)


def changelog():
    """`CHANGELOG.md`."""
    read = yaml.safe_load((COLLECTION / "changelogs" / "changelog.yaml").read_text())
    lines = ["# Changelog"]
    for version, release in sorted(read["releases"].items(), key=lambda one: [int(part) for part in one[0].split(".")], reverse=True):
        changes = dict(release["changes"])
        lines += ["", f"## {version}", "", *textwrap.wrap(changes.pop("release_summary"), 118)]
        for kind, entries in changes.items():
            lines += ["", f"### {kind.replace('_', ' ').capitalize()}", ""]
            for entry in entries:
                lines += textwrap.wrap(entry, 118, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines).replace("``", "`") + "\n"


GENERATED = {
    COLLECTION / "CHANGELOG.md": changelog,
    ROLE / "meta" / "argument_specs.yml": argument_specs,
    ROLE / "defaults" / "main.yml": defaults,
}
