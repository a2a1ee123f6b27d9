"""What holds for all tests."""

import os


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: one of many runs of Ansible; `make test` leaves it out, `make test-all` does not")


def pytest_deselected(items):
    """Slow tests are in the list of those that `make test` has skipped."""
    if "XEN_VMAN_SKIPPED" in os.environ:
        with open(os.environ["XEN_VMAN_SKIPPED"], "a", encoding="utf-8") as skipped:
            skipped.write(f"{len(items)} tests in Python: take minutes; `make test-all` runs them\n")
