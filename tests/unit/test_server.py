"""The simulator on real sockets: whole answers, damaged ones, outages, and a clean end."""

import http.client
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from urllib.parse import urlsplit

import pytest

from lead_automation.clock import SystemClock
from lead_automation.sandbox.exchange import (
    Endpoint,
    FaultKind,
    NetworkFault,
    Side,
    SimRequest,
)
from lead_automation.sandbox.routes import LEAD_PATH, LOG_PATH
from lead_automation.sandbox.scripts import Moment, Reply, html_page, late, lost, redirect
from lead_automation.sandbox.server import SandboxServer
from lead_automation.sandbox.simulator import (
    API_KEY,
    CRM_AUTHORIZATION,
    OWNER_ID,
    TEMPLATE,
    Simulator,
)

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
    """Serve a fresh simulator."""
    with SandboxServer(Simulator(clock=SystemClock()), longest_wait_s=5) as running:
        yield running


@contextmanager
def connection_to(url: str, timeout_s: float = 5) -> Iterator[http.client.HTTPConnection]:
    """Open a connection of the standard library's client."""
    parts = urlsplit(url)
    assert parts.hostname
    with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout_s)) as connection:
        yield connection


def send(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    """POST one message."""
    connection.request("POST", SEND_PATH, body=BODY, headers=HEADERS)
    return connection.getresponse()


def raw_answer(server: SandboxServer, *, pieces: int = 1_000_000) -> bytes:
    """POST one message on a bare socket and return the bytes that came until the end."""
    parts = urlsplit(server.wati_base_url())
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


def serve_one_unanswered_send(simulator: Simulator) -> None:
    """Serve a simulator to a client that gets no answer."""
    with (
        SandboxServer(simulator) as server,
        connection_to(server.wati_base_url()) as connection,
        pytest.raises(http.client.RemoteDisconnected),
    ):
        send(connection)


def note_moment(moments: list[str], moment: Moment, _request: SimRequest) -> None:
    """Remember that a hook ran."""
    moments.append(moment.value)


class TestWholeAnswers:
    """What a healthy server does."""

    def test_connection_is_kept_for_several_requests(self, server: SandboxServer) -> None:
        """HTTP/1.1: one socket carries a send and its read."""
        with connection_to(server.wati_base_url()) as connection:
            accepted = json.load(send(connection))
            first_socket = connection.sock
            connection.request("GET", f"/api/v1/getMessages/{NUMBER}", headers=HEADERS)
            listed = json.load(connection.getresponse())

            assert connection.sock is first_socket is not None
        assert accepted["result"] is True
        assert len(listed["messages"]["items"]) == 1
        assert len(server.simulator.messages) == 1

    def test_crm_has_an_address_of_its_own(self, server: SandboxServer) -> None:
        """Lead list and log stand on another port than WATI."""
        assert urlsplit(server.lead_url).port == urlsplit(server.log_url).port
        assert urlsplit(server.lead_url).port != urlsplit(server.wati_base_url()).port
        assert (urlsplit(server.lead_url).path, urlsplit(server.log_url).path) == (
            LEAD_PATH,
            LOG_PATH,
        )
        assert server.wati_base_url("v1", "100000").endswith("/100000/api/v1")

        query = f"?owner_id={OWNER_ID}&limit=1&template_name={TEMPLATE}"
        with connection_to(server.lead_url) as connection:
            connection.request(
                "GET", LEAD_PATH + query, headers={"Authorization": CRM_AUTHORIZATION}
            )
            assert json.load(connection.getresponse()) == {"data": []}

    def test_latency_delays_every_answer(self) -> None:
        """Each answer leaves that much later."""
        simulator = Simulator(clock=SystemClock())
        with (
            SandboxServer(simulator, latency_s=0.05) as server,
            connection_to(server.wati_base_url()) as connection,
        ):
            began = time.monotonic()
            send(connection).read()

            assert time.monotonic() - began >= 0.05

    def test_ready_made_answers_arrive_as_scripted(self, server: SandboxServer) -> None:
        """A redirect and a page are answers, not faults: the connection lives on."""
        server.simulator.script(Endpoint.SEND, redirect("http://elsewhere.invalid/"), html_page())

        with connection_to(server.wati_base_url()) as connection:
            moved = send(connection)
            moved.read()
            page = send(connection)

            assert (moved.status, moved.headers["Location"]) == (302, "http://elsewhere.invalid/")
            assert page.read().startswith(b"<!DOCTYPE html>")

    def test_several_connections_at_once_are_served(self, server: SandboxServer) -> None:
        """A hanging answer does not keep others waiting."""
        server.simulator.script(Endpoint.SEND, lost(FaultKind.HANG, taken=False))
        with (
            connection_to(server.wati_base_url()) as hanging,
            connection_to(server.wati_base_url()) as other,
        ):
            reached = threading.Event()
            server.simulator.hooks.add(Moment.HEADERS, Endpoint.SEND, lambda _: reached.set())
            hanging.request("POST", SEND_PATH, body=BODY, headers=HEADERS)
            assert reached.wait(5)
            while not server.simulator.posts[NUMBER]:
                threading.Event().wait(0.005)

            assert json.load(send(other))["result"] is True

    def test_body_too_large_is_refused(self, server: SandboxServer) -> None:
        """The simulator reads no more than a megabyte, and no length it cannot read."""
        for length in ("1048577", "many"):
            with connection_to(server.wati_base_url()) as connection:
                connection.putrequest("POST", SEND_PATH)
                connection.putheader("Content-Length", length)
                connection.endheaders()

                assert connection.getresponse().status == 413

    def test_request_cut_in_its_body_is_not_processed(self, server: SandboxServer) -> None:
        """A client that dies while sending has sent nothing."""
        parts = urlsplit(server.wati_base_url())
        gone = threading.Event()
        server.simulator.hooks.add(Moment.HEADERS, Endpoint.SEND, lambda _: gone.wait(5))
        with socket.create_connection((parts.hostname, parts.port or 0), timeout=5) as client:
            client.sendall(
                f"POST {SEND_PATH} HTTP/1.1\r\nContent-Length: {len(BODY)}\r\n\r\n{{".encode()
            )
            client.shutdown(socket.SHUT_WR)
            gone.set()

            assert client.recv(100) == b""
        assert server.simulator.posts[NUMBER] == 0


class TestFaults:
    """What each fault looks like on the socket."""

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
        ],
    )
    @pytest.mark.parametrize("taken", [True, False])
    def test_fault_before_the_body_is_what_the_client_meets(
        self, server: SandboxServer, kind: FaultKind, error: type[Exception], *, taken: bool
    ) -> None:
        """The client gets no answer; whether the message exists is another matter."""
        reply = Reply(fault=NetworkFault(kind, 0.6), taken=taken)
        server.simulator.script(Endpoint.SEND, reply)

        with (
            connection_to(server.wati_base_url(), timeout_s=0.2) as connection,
            pytest.raises(error) as caught,
        ):
            send(connection)
        assert caught.type is error, "a reset is not an orderly end, though it is its base class"
        assert server.simulator.posts[NUMBER] == 1
        assert len(server.simulator.messages) == int(taken)

    def test_short_body_ends_before_its_announced_length(self, server: SandboxServer) -> None:
        """Half an answer is recognisable as such, even where there was none to begin with."""
        server.simulator.script(
            Endpoint.SEND,
            lost(FaultKind.SHORT_BODY, taken=True),
            lost(FaultKind.SHORT_BODY, taken=False),
        )

        for _ in range(2):
            with (
                connection_to(server.wati_base_url()) as connection,
                pytest.raises(http.client.IncompleteRead),
            ):
                send(connection).read()

    def test_slow_body_comes_byte_by_byte(self, server: SandboxServer) -> None:
        """Every byte by itself, and all of them in the end."""
        dripping = NetworkFault(FaultKind.SLOW_BODY, 0.01)
        server.simulator.script(
            Endpoint.SEND, Reply(status=200, body=b'{"result":true}', fault=dripping)
        )
        began = time.monotonic()

        got = raw_answer(server)

        assert got.endswith(b'\r\n\r\n{"result":true}')
        assert time.monotonic() - began >= 0.1

    @pytest.mark.parametrize("kind", [FaultKind.ENDLESS_BODY, FaultKind.BAD_CHUNK])
    def test_endless_body_goes_on_until_the_client_leaves(
        self, server: SandboxServer, kind: FaultKind
    ) -> None:
        """There is always more."""
        server.simulator.script(Endpoint.SEND, Reply(fault=NetworkFault(kind, 0.001)))

        got = raw_answer(server, pieces=6)

        assert b"Transfer-Encoding: chunked" in got
        assert len(got) > 1024

    def test_gzip_bomb_is_small_until_unpacked(self, server: SandboxServer) -> None:
        """Some tens of kilobytes hold more than any cap allows."""
        server.simulator.script(Endpoint.SEND, lost(FaultKind.GZIP_BOMB, taken=True))

        with connection_to(server.wati_base_url()) as connection:
            response = send(connection)
            packed = response.read()

        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        assert response.headers["Content-Encoding"] == "gzip"
        assert len(packed) < 1 << 17
        assert len(unpacker.decompress(packed, (16 << 20) + 1)) == (16 << 20) + 1

    def test_early_hints_come_before_the_answer(self, server: SandboxServer) -> None:
        """Two status lines, the informational one first."""
        server.simulator.script(Endpoint.SEND, lost(FaultKind.EARLY_HINTS, taken=True))

        got = raw_answer(server)

        assert got.startswith(b"HTTP/1.1 103 Early Hints\r\n")
        assert b"\r\n\r\nHTTP/1.1 200 OK\r\n" in got

    def test_late_answer_is_whole(self, server: SandboxServer) -> None:
        """Late, and otherwise as always."""
        server.simulator.script(Endpoint.SEND, late(0.1))
        began = time.monotonic()

        with connection_to(server.wati_base_url()) as connection:
            assert json.load(send(connection))["result"] is True
        assert time.monotonic() - began >= 0.1

    def test_status_without_a_phrase_is_written(self, server: SandboxServer) -> None:
        """Any number can be a status."""
        server.simulator.script(Endpoint.SEND, Reply(status=599))

        with connection_to(server.wati_base_url()) as connection:
            assert send(connection).status == 599


class TestOutages:
    """One side away."""

    def test_refused_side_refuses_until_it_is_back_on_its_port(self, server: SandboxServer) -> None:
        """No connection to WATI, the CRM unharmed, the same address afterwards."""
        url = server.wati_base_url()
        with connection_to(url) as kept:
            send(kept).read()
            raw_answer(server, pieces=1)  # by its end the first connection lies idle
            server.simulator.take_down(Side.WATI, FaultKind.REFUSED)
            server.simulator.take_down(Side.WATI, FaultKind.REFUSED)

            with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
                send(kept)
        with connection_to(url) as refused, pytest.raises(ConnectionRefusedError):
            send(refused)
        with connection_to(server.lead_url) as crm:
            crm.request("GET", LEAD_PATH)
            assert crm.getresponse().status == 401
        server.simulator.bring_back(Side.WATI)

        assert server.wati_base_url() == url
        with connection_to(url) as again:
            assert send(again).status == 200
        assert len(server.simulator.messages) == 3

    def test_side_refused_from_a_hook_lets_the_answer_at_hand_leave(
        self, server: SandboxServer
    ) -> None:
        """The message that triggers the outage is still answered; its connection then ends."""
        server.simulator.hooks.add(
            Moment.ACCEPTED,
            Endpoint.SEND,
            lambda _: server.simulator.take_down(Side.WATI, FaultKind.REFUSED),
        )

        with connection_to(server.wati_base_url()) as connection:
            assert json.load(send(connection))["result"] is True
            with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
                send(connection)
        assert server.simulator.posts[NUMBER] == 1

    def test_request_under_way_when_its_side_is_refused_is_lost(
        self, server: SandboxServer
    ) -> None:
        """A request read but not processed gets no answer."""
        server.simulator.hooks.add(
            Moment.HEADERS,
            Endpoint.SEND,
            lambda _: server.simulator.take_down(Side.WATI, FaultKind.REFUSED),
        )

        with (
            connection_to(server.wati_base_url()) as connection,
            pytest.raises(http.client.RemoteDisconnected),
        ):
            send(connection)
        assert server.simulator.messages == []

    def test_closing_side_closes_every_connection_unanswered(self, server: SandboxServer) -> None:
        """The other kind of outage: somebody is there and hangs up."""
        server.simulator.take_down(Side.WATI)

        with (
            connection_to(server.wati_base_url()) as connection,
            pytest.raises(http.client.RemoteDisconnected),
        ):
            send(connection)
        assert server.simulator.posts[NUMBER] == 1


class TestHooksAndEnd:
    """A test's actions at exact points, and how the server ends."""

    def test_hooks_run_in_the_order_of_the_exchange(self, server: SandboxServer) -> None:
        """Headers, accepted, half the body, the end: and at half, half has arrived."""
        moments: list[str] = []
        half_read = threading.Event()
        for moment in Moment:
            note = partial(note_moment, moments, moment)
            server.simulator.hooks.add(moment, Endpoint.SEND, note)
        server.simulator.hooks.add(
            Moment.MID_BODY, Endpoint.SEND, lambda _: moments.append(str(half_read.wait(5)))
        )

        with connection_to(server.wati_base_url()) as connection:
            response = send(connection)
            length = int(response.headers["Content-Length"])
            first = response.read(length // 2)
            half_read.set()
            rest = response.read()

        assert json.loads(first + rest)["result"] is True
        assert moments[:4] == ["headers", "accepted", "mid_body", "True"]

    def test_hook_that_fails_is_raised_at_the_end(self) -> None:
        """A test's own assertion inside a hook is not lost."""
        simulator = Simulator(clock=SystemClock())

        def fail(_: object) -> None:
            msg = "seen by the hook"
            raise AssertionError(msg)

        simulator.hooks.add(Moment.HEADERS, Endpoint.SEND, fail)

        with pytest.raises(AssertionError, match="seen by the hook"):
            serve_one_unanswered_send(simulator)

    def test_fault_a_socket_cannot_show_is_a_mistake_of_the_script(self) -> None:
        """A single refused connection cannot be scripted on an open one."""
        simulator = Simulator(clock=SystemClock())
        simulator.script(Endpoint.SEND, lost(FaultKind.REFUSED, taken=False))

        with pytest.raises(ValueError, match=r"use Simulator\.take_down"):
            serve_one_unanswered_send(simulator)

    def test_error_of_the_body_of_the_with_comes_first(self) -> None:
        """The first thing that went wrong is the one to see."""
        server = SandboxServer(Simulator(clock=SystemClock()))
        server.problems.append(ValueError("later"))
        msg = "first"

        with pytest.raises(KeyError, match=msg), server:
            raise KeyError(msg)

    @pytest.mark.parametrize(
        "kind",
        [
            FaultKind.HANG,
            FaultKind.LATE,
            FaultKind.SLOW_HEADERS,
            FaultKind.SLOW_BODY,
            FaultKind.ENDLESS_BODY,
            FaultKind.BAD_CHUNK,
        ],
    )
    def test_end_cuts_what_is_still_being_answered(self, kind: FaultKind) -> None:
        """A server stops at once, whatever it is waiting for, and leaves no thread."""
        threads = set(threading.enumerate())
        simulator = Simulator(clock=SystemClock())
        simulator.script(Endpoint.SEND, Reply(fault=NetworkFault(kind, 30)))
        began = time.monotonic()

        with (
            SandboxServer(simulator) as server,
            connection_to(server.wati_base_url()) as connection,
        ):
            connection.request("POST", SEND_PATH, body=BODY, headers=HEADERS)
            while not simulator.messages:
                threading.Event().wait(0.005)
            server.close()

        assert time.monotonic() - began < 3
        assert set(threading.enumerate()) <= threads

    def test_end_during_the_latency_answers_nothing(self) -> None:
        """An answer held back when the server stops does not leave."""
        simulator = Simulator(clock=SystemClock())
        with (
            SandboxServer(simulator, latency_s=30) as server,
            connection_to(server.wati_base_url()) as connection,
        ):
            connection.request("POST", SEND_PATH, body=BODY, headers=HEADERS)
            while not simulator.messages:
                threading.Event().wait(0.005)
            server.close()

            with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
                connection.getresponse()

    def test_server_says_nothing(
        self, server: SandboxServer, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Standard error belongs to the program, also for verbs and clients gone wrong."""
        with connection_to(server.wati_base_url()) as connection:
            send(connection).read()
            connection.request("PUT", SEND_PATH)
            connection.getresponse().read()
        server.simulator.script(Endpoint.SEND, Reply(fault=NetworkFault(FaultKind.ENDLESS_BODY, 0)))
        raw_answer(server, pieces=1)
        server.close()

        assert capfd.readouterr() == ("", "")

    def test_outage_after_the_end_changes_nothing(self, server: SandboxServer) -> None:
        """A simulator may outlive its server."""
        server.close()

        server.simulator.take_down(Side.WATI, FaultKind.REFUSED)
        server.simulator.bring_back(Side.WATI)

        with (
            connection_to(server.wati_base_url()) as connection,
            pytest.raises(ConnectionRefusedError),
        ):
            send(connection)
