"""What goes wrong."""

from __future__ import annotations

from ._results import Report


class XenVmanError(Exception):
    """All that this package raises of its own."""


class DefinitionError(XenVmanError, ValueError):
    """A definition has errors; nothing was done.

    >>> import xen_vman
    >>> try:
    ...     xen_vman.render({"vms": [{"org": "a", "name": "web", "memory": "much"}]})
    ... except xen_vman.DefinitionError as error:
    ...     print([one.path for one in error.report.errors if one.id == "wrong-type"])
    ['vms[0].memory']
    """

    report: Report
    """All that is wrong."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report

    def __reduce__(self) -> tuple[type[DefinitionError], tuple[Report]]:
        return type(self), (self.report,)

    @classmethod
    def of(cls, report: str) -> DefinitionError:
        """Makes one of a report in JSON."""
        return cls(Report.of(report))


class HostError(XenVmanError, OSError):
    """A host could not be looked at or changed; the message says what was not done."""

    @classmethod
    def of(cls, message: str) -> HostError:
        """Makes one of a message."""
        return cls(message)
