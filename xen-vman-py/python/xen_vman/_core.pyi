"""The compiled part of `xen_vman`."""

import pathlib
from typing import Any, Callable, Optional

from ._input import Choice, Input

__all__ = [
    "ACTION_KEYS",
    "__version__",
    "apply",
    "check",
    "convert",
    "diagnostics",
    "doctor",
    "explain",
    "facts",
    "generations",
    "graph",
    "import_xl_cfg",
    "packages",
    "plan",
    "plan_rollback",
    "render",
    "rollback",
    "schema",
    "status",
    "vif_p2p",
    "vifname",
]

__version__: str
"""The version of the package."""

ACTION_KEYS: list[str]
"""Every key that an action of a plan may have."""

def check(input: Input) -> str: ...
def convert(input: Input, to: str) -> str: ...
def explain(input: Input, vm: Optional[str], key: Optional[str]) -> str: ...
def graph(input: Input, host: str) -> tuple[str, str, str]: ...
def render(input: Input) -> tuple[str, str, tuple[list[str], list[int], list[str], list[bytes], list[Optional[str]]]]: ...
def packages(input: Input, root: Optional[pathlib.Path]) -> list[str]: ...
def plan(input: Input, root: pathlib.Path, choice: Choice) -> tuple[str, str]: ...
def apply(
    input: Input,
    root: pathlib.Path,
    choice: Choice,
    preflight: bool,
    agreed: Optional[str],
    progress: Optional[Callable[[str], Any]],
) -> tuple[str, str]: ...
def generations(root: pathlib.Path) -> str: ...
def plan_rollback(root: pathlib.Path, to: Optional[int]) -> str: ...
def rollback(root: pathlib.Path, to: Optional[int], progress: Optional[Callable[[str], Any]]) -> str: ...
def status(input: Input, root: pathlib.Path) -> str: ...
def doctor(input: Input, root: pathlib.Path) -> str: ...
def facts(root: pathlib.Path) -> str: ...
def import_xl_cfg(
    files: list[tuple[str, bytes]], org: str | None, start_with_host: list[str]
) -> tuple[str, str]: ...
def vif_p2p(main_ip: str, dev: str, addresses: list[str]) -> tuple[list[str], list[str]]: ...
def vifname(prefix: str, domain: str, devid: int, hvm: bool, taken: list[str]) -> str: ...
def diagnostics() -> list[tuple[str, str, str, str]]: ...
def schema(role: bool) -> str: ...
