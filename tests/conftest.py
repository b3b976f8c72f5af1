"""What every test gets: loopback only, no waits for the disk, a logger that starts clean.

The two patches of the session change no behaviour: they spare time that thousands of command lines
in one process would pay each, and a process of the program pays once.
"""

import functools
import logging
import os
from collections.abc import Iterator

import pytest
from databases import PostgresServer, running_server
from hypothesis import HealthCheck, settings
from pytest_socket import socket_allow_hosts

from lead_automation import arguments

# A busy machine is no finding. ``--hypothesis-profile thorough`` searches ten times as long.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", _patient, max_examples=50)
settings.register_profile("thorough", _patient, max_examples=500)
settings.load_profile("suite")


@pytest.fixture(autouse=True, scope="session")
def _built_once() -> Iterator[None]:
    """Build the argument parser once: it takes as long as the rest of a short command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arguments, "build_parser", functools.cache(arguments.build_parser))
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_waiting_for_the_medium() -> Iterator[None]:
    """Leave fsync out: power is cut on recorded disks only, and kills happen to other processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return the session's PostgreSQL server; a test takes a new schema of it, or an address."""
    with running_server() as server:
        yield server


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
