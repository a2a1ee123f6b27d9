"""What holds for all tests."""


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: one of many runs of Ansible; `make test` leaves it out, `make test-all` does not")
