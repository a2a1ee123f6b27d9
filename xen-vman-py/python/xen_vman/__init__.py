"""Xen VMs on Debian from one definition.

A definition is a dict, a :class:`pathlib.Path`, a :class:`Text`, or a list of them. Everything wrong
with it is reported at once; nothing is written before.
"""

from ._core import __version__
from ._errors import DefinitionError, HostError, XenVmanError
from ._functions import (
    apply,
    check,
    diagnostics,
    doctor,
    explain,
    facts,
    import_xl_cfg,
    packages,
    plan,
    render,
    rollback,
    schema,
    status,
    vif_p2p,
    vifname,
)
from ._input import Definition, Text
from ._results import (
    Action,
    Applied,
    Diagnostic,
    DiagnosticInfo,
    Explained,
    File,
    Finding,
    HostFacts,
    Plan,
    Related,
    Rendered,
    Report,
    Undone,
    VifCommands,
    VmStatus,
)

__all__ = [
    "Action",
    "Applied",
    "Definition",
    "DefinitionError",
    "Diagnostic",
    "DiagnosticInfo",
    "Explained",
    "File",
    "Finding",
    "HostError",
    "HostFacts",
    "Plan",
    "Related",
    "Rendered",
    "Report",
    "Text",
    "Undone",
    "VifCommands",
    "VmStatus",
    "XenVmanError",
    "__version__",
    "apply",
    "check",
    "diagnostics",
    "doctor",
    "explain",
    "facts",
    "import_xl_cfg",
    "packages",
    "plan",
    "render",
    "rollback",
    "schema",
    "status",
    "vif_p2p",
    "vifname",
]
