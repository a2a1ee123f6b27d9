"""Manage Xen VMs on Debian from one definition.

A definition is a dict, a :class:`pathlib.Path`, a :class:`Text`, or a list of these. All problems in
it are reported at once, before anything is written.
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
    FailedAction,
    File,
    Finding,
    HostFacts,
    Plan,
    Related,
    Rendered,
    Report,
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
    "FailedAction",
    "File",
    "Finding",
    "HostError",
    "HostFacts",
    "Plan",
    "Related",
    "Rendered",
    "Report",
    "Text",
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
