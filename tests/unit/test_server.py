"""The simulator on real sockets: the product's server, and the faults tests put on top."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from urllib.parse import urlsplit

import pytest
from fakes import FakeClock
from simulated.faults import FaultKind, NetworkFault
from simulated.scripts import Moment, Reply, late, lost
from simulated.server import SandboxServer
from simulated.simulator import Simulator

from lead_automation.clock import Clock
from lead_automation.sandbox import server as product
from lead_automation.sandbox.addresses import LEAD_PATH
from lead_automation.sandbox.exchange import Endpoint, Side
from lead_automation.sandbox.plans import Plan
from lead_automation.sandbox.simulator import API_KEY, CRM_AUTHORIZATION, OWNER_ID, TEMPLATE
from lead_automation.sandbox.simulator import Simulator as ProductSimulator

NUMBER = "919000000101"
SEND_PATH = f"/api/v2/sendTemplateMessage?whatsappNumber={NUMBER}"
HEADERS = {"Authorization": f"Bearer {API_KEY}"}
BODY = json.dumps(
    {
        "template_name": TEMPLATE,
        "broadcast_name": "run_1",
        "parameters": [{"name": name, "value": "x"} for name in "123"],
    }
)


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """Serve a fresh simulator that can be directed."""
    with SandboxServer(Simulator(clock=Clock()), longest_wait_s=5) as running:
        yield running


@contextmanager
def connection_to(origin: str, timeout_s: float = 5) -> Iterator[http.client.HTTPConnection]:
    """Open a connection of the standard library's client."""
    parts = urlsplit(origin)
    assert parts.hostname
    with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout_s)) as connection:
        yield connection


def wati(
    server: product.SandboxServer, timeout_s: float = 5
) -> AbstractContextManager[http.client.HTTPConnection]:
    """Open a connection to WATI."""
    return connection_to(server.addresses.wati_origin, timeout_s)


def send(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    """POST one message."""
    connection.request("POST", SEND_PATH, body=BODY, headers=HEADERS)
    return connection.getresponse()


def raw_answer(server: SandboxServer, *, pieces: int = 1_000_000) -> bytes:
    """POST one message on a bare socket and return the bytes that came until the end."""
    parts = urlsplit(server.addresses.wati_origin)
    head = f"POST {SEND_PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {HEADERS['Authorization']}\r\n"
    request = f"{head}Content-Length: {len(BODY)}\r\n\r\n{BODY}"
    got = b""
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=5) as client:
        client.sendall(request.encode())
        for _ in range(pieces):
            piece = client.recv(65_536)
            if not piece:
                break
            got += piece
    return got


class TestProduct:
    """What ``run --sandbox`` serves."""

    def test_connection_is_kept_for_several_requests(self) -> None:
        """HTTP/1.1: one socket carries a send and its read; the last answer is lost, and it."""
        simulator = ProductSimulator(clock=FakeClock())
        with product.SandboxServer(simulator) as server, wati(server) as connection:
            accepted = json.load(send(connection))
            first_socket = connection.sock
            connection.request("GET", f"/api/v1/getMessages/{NUMBER}", headers=HEADERS)
            listed = json.load(connection.getresponse())
            assert connection.sock is first_socket is not None
            simulator.wati.set_plan(NUMBER, Plan(lost_answers=1))
            with pytest.raises(http.client.RemoteDisconnected):
                send(connection)

        assert accepted["result"] is True
        assert len(listed["messages"]["items"]) == 1
        assert len(simulator.wati.messages) == 2

    def test_crm_has_an_address_of_its_own(self) -> None:
        """Lead list and log stand on another port than WATI."""
        query = f"?owner_id={OWNER_ID}&limit=1&template_name={TEMPLATE}"
        headers = {"Authorization": CRM_AUTHORIZATION}
        with product.SandboxServer(ProductSimulator(clock=FakeClock())) as server:
            addresses = server.addresses
            with connection_to(addresses.crm_origin) as connection:
                connection.request("GET", LEAD_PATH + query, headers=headers)
                assert json.load(connection.getresponse()) == {"data": []}

        assert addresses.wati_origin != addresses.crm_origin
        assert addresses.lead_url == addresses.crm_origin + LEAD_PATH
        assert addresses.log_url.startswith(addresses.crm_origin)
        assert addresses.wati_base_url("v1", "100000") == (f"{addresses.wati_origin}/100000/api/v1")

    @pytest.mark.parametrize("length", ["1048577", "many"])
    def test_body_too_large_is_refused(self, server: SandboxServer, length: str) -> None:
        """The simulator reads no more than a megabyte, and no length it cannot read."""
        with wati(server) as connection:
            connection.putrequest("POST", SEND_PATH)
            connection.putheader("Content-Length", length)
            connection.endheaders()

            assert connection.getresponse().status == 413

    def test_request_cut_in_its_body_is_not_processed(self, server: SandboxServer) -> None:
        """A client that dies while sending has sent nothing."""
        parts = urlsplit(server.addresses.wati_origin)
        with socket.create_connection((parts.hostname, parts.port or 0), timeout=5) as client:
            client.sendall(
                f"POST {SEND_PATH} HTTP/1.1\r\nContent-Length: {len(BODY)}\r\n\r\n{{".encode()
            )
            client.shutdown(socket.SHUT_WR)

            assert client.recv(100) == b""
        assert server.simulator.posts[NUMBER] == 0

    def test_server_says_nothing(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Standard error belongs to the program, also for verbs and clients gone wrong."""
        with product.SandboxServer(ProductSimulator(clock=FakeClock())) as server:
            with wati(server) as connection:
                send(connection).read()
                connection.request("PUT", SEND_PATH)
                assert connection.getresponse().status == 501
            with wati(server) as gone:
                gone.connect()
                assert gone.sock is not None
                gone.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, *[0] * 7]))

        assert capfd.readouterr() == ("", "")


class TestDirected:
    """Answers and faults a test puts in."""

    def test_several_connections_at_once_are_served(self, server: SandboxServer) -> None:
        """A hanging answer does not keep others waiting."""
        server.simulator.script(Endpoint.SEND, lost(FaultKind.HANG, taken=False))
        with wati(server) as hanging, wati(server) as other:
            hanging.request("POST", SEND_PATH, body=BODY, headers=HEADERS)
            while not server.simulator.posts[NUMBER]:
                threading.Event().wait(0.005)

            assert json.load(send(other))["result"] is True

    @pytest.mark.parametrize(
        ("kind", "error"),
        [
            (FaultKind.CLOSE, http.client.RemoteDisconnected),
            (FaultKind.RESET, ConnectionResetError),
            (FaultKind.HANG, TimeoutError),
            (FaultKind.BAD_STATUS_LINE, http.client.BadStatusLine),
            (FaultKind.MANY_HEADERS, http.client.HTTPException),
            (FaultKind.HUGE_HEADER, http.client.LineTooLong),
            (FaultKind.SLOW_HEADERS, TimeoutError),
            (FaultKind.SHORT_BODY, http.client.IncompleteRead),
            (FaultKind.SLOW_BODY, TimeoutError),
        ],
    )
    def test_fault_is_what_the_client_meets(
        self, server: SandboxServer, kind: FaultKind, error: type[Exception]
    ) -> None:
        """The client gets no whole answer, though the message exists."""
        server.simulator.script(Endpoint.SEND, Reply(fault=NetworkFault(kind, 0.6)))

        with wati(server, timeout_s=0.2) as connection, pytest.raises(error) as caught:
            send(connection).read()
        assert caught.type is error, "a reset is not an orderly end, though it is its base class"
        assert len(server.simulator.messages) == 1

    @pytest.mark.parametrize("kind", [FaultKind.ENDLESS_BODY, FaultKind.BAD_CHUNK])
    def test_endless_body_goes_on_until_the_client_leaves(
        self, server: SandboxServer, kind: FaultKind
    ) -> None:
        """There is always more."""
        server.simulator.script(Endpoint.SEND, Reply(fault=NetworkFault(kind, 0.001)))

        got = raw_answer(server, pieces=6)

        assert b"Transfer-Encoding: chunked" in got
        assert len(got) > 1024

    def test_late_answer_is_whole(self, server: SandboxServer) -> None:
        """Its own lateness and the server's come together, and otherwise it is as always."""
        server.latency_s = 0.05
        server.simulator.script(Endpoint.SEND, late(0.05))
        began = time.monotonic()

        with wati(server) as connection:
            assert json.load(send(connection))["result"] is True
        assert time.monotonic() - began >= 0.1

    def test_fault_a_socket_cannot_show_is_a_mistake_of_the_script(self) -> None:
        """A single refused connection cannot be scripted on an open one; hooks' errors are told."""
        simulator = Simulator(clock=Clock())
        simulator.script(Endpoint.SEND, lost(FaultKind.REFUSED, taken=False))

        with (
            pytest.raises(ValueError, match=r"use Simulator\.take_down"),
            SandboxServer(simulator) as server,
            wati(server) as connection,
            pytest.raises(http.client.RemoteDisconnected),
        ):
            send(connection)

    def test_hooks_run_in_the_order_of_the_exchange(self, server: SandboxServer) -> None:
        """Headers, accepted, half the body, the end: and at half, half has arrived."""
        moments: list[str] = []
        half_read = threading.Event()
        for moment in Moment:
            note = partial(lambda name, _: moments.append(name), moment.value)
            server.simulator.hooks.add(moment, Endpoint.SEND, note)
        server.simulator.hooks.add(
            Moment.MID_BODY, Endpoint.SEND, lambda _: moments.append(str(half_read.wait(5)))
        )

        with wati(server) as connection:
            response = send(connection)
            length = int(response.headers["Content-Length"])
            first = response.read(length // 2)
            half_read.set()
            rest = response.read()

        assert json.loads(first + rest)["result"] is True
        assert moments[:4] == ["headers", "accepted", "mid_body", "True"]


class TestOutages:
    """One side away."""

    def test_refused_side_refuses_until_it_is_back_on_its_port(self, server: SandboxServer) -> None:
        """No connection to WATI, the CRM unharmed, the same address afterwards."""
        addresses = server.addresses
        with wati(server) as kept:
            send(kept).read()
            raw_answer(server, pieces=1)  # by its end the first connection lies idle
            server.simulator.take_down(Side.WATI, FaultKind.REFUSED)
            server.simulator.take_down(Side.WATI, FaultKind.REFUSED)

            with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
                send(kept)
        with wati(server) as refused, pytest.raises(ConnectionRefusedError):
            send(refused)
        with connection_to(addresses.crm_origin) as crm:
            crm.request("GET", LEAD_PATH)
            assert crm.getresponse().status == 401
        server.simulator.bring_back(Side.WATI)

        assert server.addresses == addresses
        with wati(server) as again:
            assert send(again).status == 200
        assert len(server.simulator.messages) == 3

    @pytest.mark.parametrize(("moment", "arrives"), [(Moment.HEADERS, 0), (Moment.ACCEPTED, 1)])
    def test_side_refused_from_a_hook_lets_only_an_answer_at_hand_leave(
        self, server: SandboxServer, moment: Moment, arrives: int
    ) -> None:
        """A message already taken is still answered; its connection then ends."""
        server.simulator.hooks.add(
            moment,
            Endpoint.SEND,
            lambda _: server.simulator.take_down(Side.WATI, FaultKind.REFUSED),
        )

        with wati(server) as connection:
            if arrives:
                assert json.load(send(connection))["result"] is True
            with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
                send(connection)
        assert len(server.simulator.messages) == arrives
        assert server.simulator.posts[NUMBER] == 1

    @pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.SLOW_BODY])
    def test_end_cuts_what_is_still_being_answered(self, kind: FaultKind) -> None:
        """A server stops at once, whatever it is waiting for, and leaves no thread."""
        threads = set(threading.enumerate())
        simulator = Simulator(clock=Clock())
        simulator.script(Endpoint.SEND, Reply(fault=NetworkFault(kind, 30)))
        began = time.monotonic()

        with SandboxServer(simulator) as server, wati(server) as connection:
            connection.request("POST", SEND_PATH, body=BODY, headers=HEADERS)
            while not simulator.messages:
                threading.Event().wait(0.005)
            server.close()

        assert time.monotonic() - began < 3
        assert set(threading.enumerate()) <= threads
