"""The exceptions."""

from __future__ import annotations

from ._results import Report


class XenVmanError(Exception):
    """The base class of this package's own exceptions."""


class DefinitionError(XenVmanError, ValueError):
    """The definition has errors; nothing was done.

    >>> import xen_vman
    >>> try:
    ...     xen_vman.render({"vms": [{"org": "a", "name": "web", "memory": "much"}]})
    ... except xen_vman.DefinitionError as error:
    ...     print([one.path for one in error.report.errors if one.id == "wrong-type"])
    ['vms[0].memory']
    """

    report: Report
    """All problems, errors and warnings."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report

    def __reduce__(self) -> tuple[type[DefinitionError], tuple[Report]]:
        return type(self), (self.report,)

    @classmethod
    def of(cls, report: str) -> DefinitionError:
        """Create an error from a report in JSON."""
        return cls(Report.of(report))


class HostError(XenVmanError, OSError):
    """A host could not be read or changed; the message says what was not done."""

    @classmethod
    def of(cls, message: str) -> HostError:
        """Create an error from a message."""
        return cls(message)
