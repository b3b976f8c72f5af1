"""What every test gets: no network but loopback, and a logger that starts clean."""

import logging
from collections.abc import Iterator

import pytest
from pytest_socket import socket_allow_hosts


@pytest.fixture(autouse=True)
def _only_loopback() -> None:
    """Refuse every connection that would leave this machine."""
    socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _clean_logging() -> Iterator[None]:
    """Take away the handlers a failed test may have left."""
    before = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = before
