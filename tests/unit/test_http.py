"""The HTTP client against real sockets on loopback: every way a server can misbehave."""

import gzip
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from fakes import FakeClock, ScriptedChance
from rawserver import OK, RawServer, Script, drip, hang, reset, say

from lead_automation import __version__
from lead_automation.clock import StopFlag
from lead_automation.config import HttpPolicy
from lead_automation.errors import Fault, TransportError
from lead_automation.http import Answer, HttpClient, Request
from lead_automation.http_connections import Connections
from lead_automation.http_faults import find_fault

SHORT_S = 0.3
"""Deadline of calls that end by it."""

Serve = Callable[..., RawServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that end with the test."""
    servers: list[RawServer] = []

    def start(*scripts: Script, tls: ssl.SSLContext | None = None) -> RawServer:
        servers.append(RawServer(*scripts, tls=tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Border:
    """A client with its clock, and the tries it made.

    Attributes:
        tries: Calls of ``on_try``.
    """

    def __init__(self, *, allow_posts: bool = True, clock: FakeClock | None = None) -> None:
        """Build it."""
        self.clock = clock or FakeClock()
        self.stop = StopFlag()
        self.tries = 0
        self.client = HttpClient(
            HttpPolicy(connect_timeout_s=0.2, read_timeout_s=5),
            clock=self.clock,
            sleep=self.clock.sleep,
            chance=ScriptedChance(0.5),
            stop=self.stop,
            allow_posts=allow_posts,
        )

    def get(self, url: str, **changes: object) -> Answer:
        """Read."""
        return self._call(Request(method="GET", url=url, **self._usual(changes)))  # type: ignore[arg-type]

    def post(self, url: str, **changes: object) -> Answer:
        """Send."""
        usual: dict[str, object] = {
            "params": (("whatsappNumber", "919812345678"),),
            "json": {"name": "Asha"},
        }
        usual |= {"headers": {"Authorization": "Bearer t0ken-t0ken"}, "retry_reads": True}
        changes = usual | {"is_send": True} | changes
        return self._call(Request(method="POST", url=url, **self._usual(changes)))  # type: ignore[arg-type]

    def _usual(self, changes: dict[str, object]) -> dict[str, object]:
        return {"on_try": self._count, "deadline_s": 5} | changes

    def _call(self, request: Request) -> Answer:
        return self.client.call(request)

    def _count(self) -> None:
        self.tries += 1


@pytest.fixture
def border() -> Iterator[Border]:
    """Build a client that is closed with the test."""
    made = Border()
    yield made
    made.client.close()


def fault_of(call: Callable[[], object]) -> TransportError:
    """Return the error a call must end in."""
    with pytest.raises(TransportError) as caught:
        call()
    return caught.value


def answer_with(status: str, *headers: str, body: bytes = b"") -> bytes:
    """Return an answer in bytes."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode("latin-1") + body


HEAD = b"HTTP/1.1 200 OK\r\n"
MANY_HEADERS = [f"X-{number}: y" for number in range(150)]
BOMB = gzip.compress(b"\0" * (4 << 20))
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ZIPPED = "Content-Encoding: gzip"

LOST_ANSWERS: dict[str, Script] = {
    "hang": hang,
    "reset": reset,
    "closed": say(b"", keep=False),
    "bad status line": say(b"HELLO THERE\r\n\r\n", keep=False),
    "150 headers": say(answer_with("200 OK", *MANY_HEADERS), keep=False),
    "huge header": say(answer_with("200 OK", "X: " + "y" * 70_000), keep=False),
    "short body": say(HEAD + b"Content-Length: 100\r\n\r\n{}", keep=False),
    "two lengths": say(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
    "dripping headers": drip(HEAD + b"X-Slow: "),
    "dripping body": drip(HEAD + b"Content-Length: 9000\r\n\r\n"),
    "dripping body to the end of the connection": drip(HEAD + b"\r\n{}"),
    "dripping chunks": drip(CHUNKED, b"1\r\nx\r\n"),
    "endless chunks": drip(CHUNKED, b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n", pause_s=0),
    "endless chunk size": drip(CHUNKED, b"1" * 1000, pause_s=0),
    "gzip bomb": say(answer_with("200 OK", ZIPPED, body=BOMB)),
    "gzip garbage": say(answer_with("200 OK", ZIPPED, body=b"abcd")),
    "gzip forty times": say(
        answer_with("200 OK", "Content-Encoding: " + "gzip, " * 39 + "gzip", body=b"abcd")
    ),
    "103 then 200": say(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK),
    "100 for ever": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause_s=0),
    "503 that drips": drip(b"HTTP/1.1 503 Busy\r\nContent-Length: 9000\r\n\r\n"),
}


@pytest.mark.parametrize("name", LOST_ANSWERS)
def test_post_answer_lost_arrives_once_and_may_have_arrived(
    name: str, border: Border, serve: Serve
) -> None:
    """Whatever the server does after the request, it saw it once, and we say "may have"."""
    server = serve(LOST_ANSWERS[name])

    error = fault_of(lambda: border.post(server.url, deadline_s=SHORT_S))

    assert error.fault is Fault.LOST
    assert len(server.requests) == border.tries == 1
    assert border.clock.slept == []
    assert "919812345678" not in str(error)


def test_post_after_lost_answer_uses_new_connection(border: Border, serve: Serve) -> None:
    """The real answer that follows a 103 late is never taken for the next call's."""
    server = serve(say(b"HTTP/1.1 103 Early Hints\r\n\r\n"), say(OK))
    fault_of(lambda: border.post(server.url))

    answer = border.post(server.url)

    assert answer.status == 200
    assert server.connections == 2


def test_call_on_reused_connection_keeps_deadline_and_says_so(border: Border, serve: Serve) -> None:
    """A timeout is told from a broken connection."""
    server = serve(say(OK), drip(HEAD + b"X-Slow: "))
    border.get(server.url)

    error = fault_of(lambda: border.get(server.url, deadline_s=SHORT_S))

    assert (error.fault, error.is_timeout) == (Fault.LOST, True)
    assert "in time" in str(error)
    assert server.connections == 1


@pytest.mark.parametrize("head", [("200 OK",), ("302 Go", "Location: /x")])
def test_answer_over_cap_is_not_read_on(
    head: tuple[str, ...], border: Border, serve: Serve
) -> None:
    """The cap counts what comes out of gzip, a redirect's too."""
    server = serve(say(answer_with(*head, ZIPPED, body=BOMB)))

    error = fault_of(lambda: border.get(server.url, max_bytes=1000))

    assert "larger than 1000 bytes" in str(error)


def test_call_carries_what_was_asked_for_and_returns_the_answer_decoded(
    border: Border, serve: Serve
) -> None:
    """Query, headers and body leave under our own name; our credential does not come back."""
    body = gzip.compress(b'{"info": "bad t0ken-t0ken"}')
    server = serve(say(answer_with("400 Bad", ZIPPED, "Date: tomorrow", body=body)))

    answer = border.post(f"{server.url}/api/v1/sendTemplateMessage")
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")

    assert head.startswith(
        b"POST /api/v1/sendTemplateMessage?whatsappNumber=919812345678 HTTP/1.1\r\n"
    )
    assert f"User-Agent: lead-automation/{__version__}".encode() in head
    assert b"Authorization: Bearer t0ken" in head
    assert b"Accept-Encoding: gzip\r\n" in head
    assert sent == b'{"name": "Asha"}'
    assert (answer.status, answer.body) == (400, b'{"info": "bad ***"}')
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.server_date is None


@pytest.mark.parametrize(
    "location",
    ["/other", "http://169.254.169.254/", "file:///etc/passwd", "//evil", "http://[bad", ""],
)
def test_redirect_answered_is_not_followed(location: str, border: Border, serve: Serve) -> None:
    """A redirect is an answer; nobody goes there."""
    server = serve(say(answer_with("307 Go", f"Location: {location}")))

    answer = border.post(server.url)

    assert answer.status == 307
    assert len(server.requests) == 1


def test_cookies_proxies_and_netrc_are_ignored(
    border: Border, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is kept of a call, and nothing of the environment gets to see or replace a token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server = serve(say(answer_with("200 OK", "Set-Cookie: spy=1; Path=/")))
    border.post(server.url)

    border.post(server.url)

    assert b"Authorization: Bearer t0ken" in server.requests[1]
    assert b"cookie" not in server.requests[1].lower()


@pytest.mark.parametrize(
    ("idle_s", "changes", "connections"),
    [
        (0.5, {}, 1),
        (1.0, {}, 2),
        (600.0, {}, 2),
        (600.0, {"is_send": False}, 1),
        (0.0, {"is_send": False, "fresh": True}, 2),
    ],
)
def test_idle_connection_is_not_used_for_a_send(
    idle_s: float, changes: dict[str, object], connections: int, border: Border, serve: Serve
) -> None:
    """One idle for a second may be closing at the other end; a fresh call takes none at all."""
    server = serve(say(OK))
    border.post(server.url)
    border.clock.advance(idle_s)

    border.post(server.url, **changes)

    assert server.connections == connections
    assert len(server.requests) == 2


BUSY = answer_with("503 Busy")
SLOW = answer_with("429 Slow", "Retry-After: 99999999")


@pytest.mark.parametrize(
    ("scripts", "outcome", "slept"),
    [
        ((say(BUSY), say(SLOW), say(OK)), 200, [0.5, 2.5]),
        ((say(SLOW),), 429, [0.5, 2.5]),
        ((reset,), Fault.LOST, [0.5, 2.5]),
        ((reset, say(BUSY), reset, say(OK)), 200, [0.5, 2.5, 4.5]),
        ((reset, say(BUSY), reset, say(BUSY)), 503, [0.5, 2.5, 4.5]),
        ((say(answer_with("500 Oops")),), 500, []),
    ],
)
def test_read_is_repeated_while_it_is_told_later_or_lost(
    scripts: tuple[Script, ...],
    outcome: int | Fault,
    slept: list[float],
    border: Border,
    serve: Serve,
) -> None:
    """At most twice for each reason and three times in all, after growing pauses."""
    server = serve(*scripts)

    try:
        ended: int | Fault = border.get(server.url, retry_reads=True).status
    except TransportError as error:
        ended = error.fault

    assert ended == outcome
    assert border.tries == len(server.requests) == len(slept) + 1
    assert border.clock.slept == slept


def test_read_not_to_be_repeated_is_made_once(border: Border, serve: Serve) -> None:
    """Without retry_reads a GET is one try."""
    server = serve(say(BUSY))

    answer = border.get(server.url)

    assert answer.status == 503
    assert len(server.requests) == 1


def closed_port() -> str:
    """Return an address that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_connection_refused_nothing_left(border: Border) -> None:
    """A closed port certainly saw nothing; a read may find it open again, three more times."""
    error = fault_of(lambda: border.post(closed_port()))
    posts = border.tries
    fault_of(lambda: border.get(closed_port(), retry_reads=True))

    assert (error.fault, error.is_timeout) == (Fault.UNREACHABLE, False)
    assert (posts, border.tries) == (1, 5)


@pytest.mark.parametrize("name", ["crm.invalid", "a" * 70 + ".example"])
def test_host_unknown_nothing_left(name: str, border: Border) -> None:
    """A name nobody knows, or no resolver can read, certainly saw nothing."""
    error = fault_of(lambda: border.post(f"https://{name}/x"))

    assert error.fault is Fault.UNREACHABLE
    assert f"https://{name}:" in str(error)


def test_connect_without_answer_nothing_left(border: Border) -> None:
    """A connection that is never taken up ends in time, and nothing has left."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        with socket.create_connection(address), socket.socket() as second:
            second.setblocking(False)  # noqa: FBT003 - the socket's own signature
            second.connect_ex(address)  # fills the queue: the next one gets no answer
            error = fault_of(lambda: border.post(f"http://127.0.0.1:{address[1]}"))

    assert (error.fault, error.is_timeout) == (Fault.UNREACHABLE, True)


def test_tls_handshake_stalled_may_have_arrived(border: Border, serve: Serve) -> None:
    """A server that takes the connection and says nothing: treated as if it had the request."""
    server = serve(hang)

    error = fault_of(lambda: border.post(server.url.replace("http:", "https:"), deadline_s=SHORT_S))

    assert (error.fault, error.is_timeout) == (Fault.LOST, True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate of localhost nobody vouches for; return its folder."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is needed to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = (
        f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost "
        f"-keyout {folder}/key.pem -out {folder}/cert.pem"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return folder


@pytest.fixture
def self_signed(certificate: Path) -> ssl.SSLContext:
    """Serve under that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


def test_certificate_self_signed_nothing_left(
    border: Border, serve: Serve, self_signed: ssl.SSLContext
) -> None:
    """A certificate nobody vouches for ends the call before the request."""
    server = serve(say(OK), tls=self_signed)

    error = fault_of(lambda: border.post(server.url))

    assert error.fault is Fault.CERTIFICATE
    assert server.requests == []


def test_tls_connection_is_reused_cut_and_not_for_other_hosts(
    serve: Serve,
    self_signed: ssl.SSLContext,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """With a certificate that is trusted; nobody gets the session's keys."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    server = serve(say(OK), hang, tls=self_signed)
    trusted = str(certificate / "cert.pem")
    connections = Connections()
    request = requests.Request("GET", server.url).prepare()
    other = requests.Request("GET", server.url.replace("localhost", "127.0.0.1")).prepare()

    first = connections.send(request, verify=trusted, timeout=2).content
    cutter = threading.Timer(0.1, connections.cut)
    cutter.start()
    with pytest.raises(requests.ConnectionError):
        connections.send(request, verify=trusted, timeout=5)
    cutter.join()
    with pytest.raises(requests.exceptions.SSLError) as wrong_host:
        connections.send(other, verify=trusted, timeout=2)
    connections.cut()

    assert first == b"{}"
    assert server.connections == 2
    assert len(server.requests) == 2
    assert find_fault(wrong_host.value).fault is Fault.CERTIFICATE
    assert not (tmp_path / "keys").exists()


def test_tls_floor_is_1_2() -> None:
    """Older protocols are refused by us, whatever the system would allow."""
    context = Connections().poolmanager.connection_pool_kw["ssl_context"]

    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_message_does_not_leave_on_connections_that_were_cut(serve: Serve) -> None:
    """A call given up while it was connecting sends nothing when it is connected at last."""
    server = serve(say(OK))
    connections = Connections()
    request = requests.Request("POST", server.url, json={"name": "Asha"}).prepare()
    connections.cut()

    with pytest.raises(requests.ConnectionError) as caught:
        connections.exchange(request, (2, 2))
    server.close()

    assert isinstance(caught.value.args[0].args[-1], ConnectionAbortedError)
    assert server.requests == []


def test_read_is_given_up_once_a_stop_is_asked_for(border: Border, serve: Serve) -> None:
    """A call that sends nothing keeps nobody waiting."""

    def stop_and_hang(conn: socket.socket, done: threading.Event) -> bool:
        border.stop.request(signal.SIGTERM)
        return hang(conn, done)

    server = serve(stop_and_hang)
    began = time.monotonic()

    error = fault_of(lambda: border.get(server.url, retry_reads=True, deadline_s=30))

    assert (error.fault, error.is_timeout) == (Fault.LOST, True)
    assert "stop" in str(error)
    assert time.monotonic() - began < 2


def test_post_is_not_given_up_for_a_stop(border: Border, serve: Serve) -> None:
    """Half a send would be an open question."""
    border.stop.request(signal.SIGTERM)

    def later(conn: socket.socket, done: threading.Event) -> bool:
        done.wait(0.25)
        return say(OK)(conn, done)

    assert border.post(serve(later).url).status == 200


def test_machine_without_threads_nothing_left(border: Border, serve: Serve) -> None:
    """Where nothing could be begun, nothing has arrived."""
    server = serve(say(OK))
    threading.stack_size(1 << 47)  # more than any machine has
    try:
        error = fault_of(lambda: border.post(server.url))
    finally:
        threading.stack_size(0)

    assert (error.fault, error.is_timeout) == (Fault.UNREACHABLE, False)
    assert "thread" in str(error)
    assert border.post(server.url).status == 200


def test_bug_in_a_call_comes_through(serve: Serve) -> None:
    """What is no fault of the network ends the program as any bug does."""

    class BrokenClock(FakeClock):
        def monotonic(self) -> float:
            raise KeyError

    with pytest.raises(KeyError):
        Border(clock=BrokenClock()).get(serve(say(OK)).url)


def test_post_forbidden_does_not_leave(serve: Serve) -> None:
    """A dry run's client lets reads through and nothing else."""
    server = serve(say(OK))
    border = Border(allow_posts=False)

    error = fault_of(lambda: border.post(server.url))
    read = border.get(server.url)
    border.client.close()

    assert error.fault is Fault.FORBIDDEN
    assert read.status == 200
    assert [request[:3] for request in server.requests] == [b"GET"]
    assert border.tries == 1


def test_request_unwritable_is_held_back(border: Border) -> None:
    """A header that would break the request never becomes one."""
    error = fault_of(lambda: border.get("https://wati.example/x", headers={"A": "b\r\nC: d"}))

    assert error.fault is Fault.FORBIDDEN
    assert border.tries == 0


def test_answer_with_date_says_when_the_call_was_made(border: Border, serve: Serve) -> None:
    """The server made its Date at some moment between."""
    server_time = border.clock.now() + timedelta(seconds=90)

    def slow(conn: socket.socket, done: threading.Event) -> bool:
        border.clock.advance(10)
        date = server_time.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return say(answer_with("200 OK", f"Date: {date}"))(conn, done)

    answer = border.get(serve(slow).url)

    assert answer.server_date == server_time
    began_s, ended_s = answer.span_s
    assert (server_time - border.clock.at(began_s)).total_seconds() == pytest.approx(90)
    assert ended_s - began_s == pytest.approx(10)


def test_two_hosts_have_connections_of_their_own(border: Border, serve: Serve) -> None:
    """A fault of one host leaves the connections to the other alone."""
    good, bad = serve(say(OK)), serve(reset)
    border.get(good.url)
    fault_of(lambda: border.get(bad.url))

    border.get(good.url)

    assert good.connections == 1
