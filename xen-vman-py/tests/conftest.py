"""What holds for all tests."""

from debian_host import note_skipped


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: one of many runs of Ansible; `make test` leaves it out, `make test-all` does not")


def pytest_deselected(items):
    """Slow tests are in the list of those that `make test` has skipped."""
    note_skipped(f"{len(items)} tests in Python: take minutes; `make test-all` runs them")
