"""The HTTP client against real sockets on loopback: every way a server can misbehave."""

import gzip
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Event, Lock, Thread

import pytest
import requests
from fakes import FakeClock, ScriptedChance

from lead_automation import __version__
from lead_automation.config import HttpPolicy
from lead_automation.errors import Fault, TransportError
from lead_automation.http import Answer, HttpClient, Request
from lead_automation.http.deadline import Watchdog
from lead_automation.http.pool import HostConnections

Script = Callable[[socket.socket, Event], bool]
"""Answer one request on a connection; return whether to go on with the next one on it."""

DEADLINE_S = 0.3
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def say(data: bytes, *, keep: bool = True) -> Script:
    """Send bytes, then keep or close the connection."""

    def script(conn: socket.socket, _done: Event) -> bool:
        conn.sendall(data)
        return keep

    return script


def drip(head: bytes, drop: bytes = b"x") -> Script:
    """Send a head, then a drop every 30 ms, for as long as anybody listens."""

    def script(conn: socket.socket, done: Event) -> bool:
        conn.sendall(head)
        while not done.wait(0.03):
            conn.sendall(drop)
        return False

    return script


def flood(head: bytes, drop: bytes) -> Script:
    """Send a head, then drops without a pause."""

    def script(conn: socket.socket, done: Event) -> bool:
        conn.sendall(head)
        while not done.is_set():
            conn.sendall(drop)
        return False

    return script


def hang(_conn: socket.socket, done: Event) -> bool:
    """Say nothing until the test is over."""
    done.wait(5)
    return False


def reset(conn: socket.socket, _done: Event) -> bool:
    """Break the connection with RST."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


class RawServer:
    """A server that reads whole requests and answers each by the next script; the last repeats.

    Attributes:
        requests: Every request that arrived, head and body.
        connections: How many were opened.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a free port of the loopback address."""
        self._scripts = list(scripts)
        self._tls = tls
        self._done = Event()
        self._lock = Lock()
        self._threads: list[Thread] = []
        self._conns: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    def close(self) -> None:
        """End every script, connection and thread."""
        self._done.set()
        for conn in self._conns:
            with suppress(OSError):
                conn.shutdown(socket.SHUT_RDWR)
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: Callable[[], None]) -> None:
        thread = Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._done.is_set():
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._conns.append(conn)
            self._start(lambda conn=conn: self._serve(conn))  # type: ignore[misc]

    def _serve(self, plain: socket.socket) -> None:
        with plain:
            plain.settimeout(5)
            try:
                conn = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
                with conn:
                    while (request := self._read(conn)) and self._answer(conn, request):
                        pass
            except OSError:
                return

    def _answer(self, conn: socket.socket, request: bytes) -> bool:
        with self._lock:
            self.requests.append(request)
            script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        return script(conn, self._done)

    @staticmethod
    def _read(conn: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            more = conn.recv(65536)
            if not more:
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [ln for ln in head.lower().split(b"\r\n") if ln.startswith(b"content-length:")]
        missing = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
        while missing > 0:
            more = conn.recv(65536)
            data, missing = data + more, missing - len(more)
        return data


@pytest.fixture
def serve() -> Iterator[Callable[..., RawServer]]:
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

    def __init__(self, *, allow_posts: bool = True) -> None:
        """Build it with a patience that keeps tests short."""
        self.clock = FakeClock()
        self.tries = 0
        self.client = HttpClient(
            HttpPolicy(connect_timeout_s=DEADLINE_S, read_timeout_s=0.2),
            clock=self.clock,
            sleep=self.clock.sleep,
            chance=ScriptedChance(0.5),
            allow_posts=allow_posts,
        )

    def get(self, url: str, *, retry: bool = False, max_bytes: int = 1 << 20) -> Answer:
        """Read."""
        return self.client.call(
            Request(
                method="GET",
                url=url,
                retry_reads=retry,
                deadline_s=DEADLINE_S,
                max_bytes=max_bytes,
                on_try=self._count,
            )
        )

    def post(self, url: str, *, is_send: bool = True) -> Answer:
        """Send."""
        return self.client.call(
            Request(
                method="POST",
                url=url,
                params=(("whatsappNumber", "919812345678"),),
                headers={"Authorization": "Bearer t0ken"},
                json={"name": "Asha"},
                retry_reads=True,
                is_send=is_send,
                deadline_s=DEADLINE_S,
                on_try=self._count,
            )
        )

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


MANY_HEADERS = b"".join(b"X-%d: y\r\n" % number for number in range(150))
BOMB = gzip.compress(b"\0" * (4 << 20))
GZIP_HEAD = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

LOST_ANSWERS: dict[str, Script] = {
    "hang": hang,
    "reset": reset,
    "closed": say(b"", keep=False),
    "bad status line": say(b"HELLO THERE\r\n\r\n", keep=False),
    "150 headers": say(b"HTTP/1.1 200 OK\r\n" + MANY_HEADERS + b"\r\n{}", keep=False),
    "huge header": say(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n{}", keep=False),
    "short body": say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", keep=False),
    "two lengths": say(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
    "dripping headers": drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
    "dripping body": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"),
    "dripping body to the end of the connection": drip(b"HTTP/1.1 200 OK\r\n\r\n{}"),
    "dripping chunks": drip(CHUNKED, b"1\r\nx\r\n"),
    "endless chunks": flood(CHUNKED, b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"),
    "endless chunk size": flood(CHUNKED, b"1" * 1000),
    "gzip bomb": say(GZIP_HEAD % len(BOMB) + BOMB),
    "gzip garbage": say(GZIP_HEAD % 4 + b"abcd"),
    "gzip forty times": say(
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Encoding: " + b"gzip, " * 39 + b"gzip\r\n"
        b"\r\nabcd"
    ),
    "103 then 200": say(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK),
    "503 that drips": drip(b"HTTP/1.1 503 Busy\r\nContent-Length: 9000\r\n\r\n"),
}


@pytest.mark.parametrize("name", LOST_ANSWERS)
def test_post_answer_lost_arrives_once_and_may_have_arrived(
    name: str, border: Border, serve: Callable[..., RawServer]
) -> None:
    """Whatever the server does after the request, it saw it once, and we say "may have"."""
    server = serve(LOST_ANSWERS[name])

    error = fault_of(lambda: border.post(server.url))

    assert error.fault is Fault.LOST
    assert len(server.requests) == 1
    assert border.tries == 1
    assert border.clock.slept == []
    assert "919812345678" not in str(error)


def test_post_after_lost_answer_uses_new_connection(
    border: Border, serve: Callable[..., RawServer]
) -> None:
    """The real answer that follows a 103 late is never taken for the next call's."""
    server = serve(say(b"HTTP/1.1 103 Early Hints\r\n\r\n"), say(OK))
    fault_of(lambda: border.post(server.url))

    answer = border.post(server.url)

    assert answer.status == 200
    assert server.connections == 2


def test_call_deadline_passed_says_so(border: Border, serve: Callable[..., RawServer]) -> None:
    """A timeout is told from a broken connection."""
    server = serve(drip(b"HTTP/1.1 200 OK\r\nX-Slow: "))

    error = fault_of(lambda: border.get(server.url))

    assert error.is_timeout
    assert "in time" in str(error)


def test_post_body_over_cap_is_not_read_on(border: Border, serve: Callable[..., RawServer]) -> None:
    """The cap counts what comes out of gzip."""
    server = serve(say(GZIP_HEAD % len(BOMB) + BOMB))

    error = fault_of(lambda: border.get(server.url, max_bytes=1000))

    assert "larger than 1000 bytes" in str(error)


def test_answer_whole_is_returned_decoded(border: Border, serve: Callable[..., RawServer]) -> None:
    """Status, lower-case headers and the unzipped body come back."""
    body = gzip.compress(b'{"result": true}')
    server = serve(say(GZIP_HEAD % len(body) + body))

    answer = border.post(server.url)

    assert (answer.status, answer.body) == (200, b'{"result": true}')
    assert answer.headers["content-encoding"] == "gzip"
    assert (answer.server_date, answer.offset_s) == (None, None)


def test_request_sent_carries_headers_query_and_body(
    border: Border, serve: Callable[..., RawServer]
) -> None:
    """The request is what was asked for, under our own name."""
    server = serve(say(OK))
    border.post(f"{server.url}/api/v1/sendTemplateMessage")

    head, _, body = server.requests[0].partition(b"\r\n\r\n")

    assert head.startswith(
        b"POST /api/v1/sendTemplateMessage?whatsappNumber=919812345678 HTTP/1.1\r\n"
    )
    assert f"User-Agent: lead-automation/{__version__}".encode() in head
    assert b"Authorization: Bearer t0ken" in head
    assert b"Accept-Encoding: gzip" in head
    assert body == b'{"name": "Asha"}'


@pytest.mark.parametrize(
    "location",
    ["/other", "http://169.254.169.254/", "file:///etc/passwd", "//evil", "http://[bad", ""],
)
def test_redirect_answered_is_not_followed(
    location: str, border: Border, serve: Callable[..., RawServer]
) -> None:
    """A redirect is an answer; nobody goes there."""
    head = f"HTTP/1.1 307 Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    server = serve(say(head.encode()))

    answer = border.post(server.url)

    assert answer.status == 307
    assert len(server.requests) == 1


def test_redirect_with_bomb_is_capped(border: Border, serve: Callable[..., RawServer]) -> None:
    """Not even the body of a redirect is read beyond the cap."""
    head = GZIP_HEAD.replace(b"200 OK", b"302 Go\r\nLocation: /x") % len(BOMB)
    server = serve(say(head + BOMB))

    error = fault_of(lambda: border.get(server.url))

    assert "larger than" in str(error)


def test_cookie_set_is_not_kept(border: Border, serve: Callable[..., RawServer]) -> None:
    """What a server asks us to remember is forgotten."""
    server = serve(say(OK.replace(b"200 OK", b"200 OK\r\nSet-Cookie: spy=1; Path=/")))
    border.get(server.url)
    border.get(server.url)

    assert len(server.requests) == 2
    assert b"cookie" not in server.requests[1].lower()


def test_environment_with_proxy_and_netrc_is_ignored(
    border: Border,
    serve: Callable[..., RawServer],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Neither a proxy nor a .netrc gets to see or replace the token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server = serve(say(OK))

    border.post(server.url)

    assert b"Authorization: Bearer t0ken" in server.requests[0]


@pytest.mark.parametrize(("idle_s", "connections"), [(0.5, 1), (1.0, 2), (600.0, 2)])
def test_send_on_idle_connection_gets_a_new_one(
    idle_s: float, connections: int, border: Border, serve: Callable[..., RawServer]
) -> None:
    """A connection idle for a second may be closing at the other end."""
    server = serve(say(OK))
    border.post(server.url)
    border.clock.advance(idle_s)

    border.post(server.url)

    assert server.connections == connections
    assert len(server.requests) == 2


def test_post_not_a_send_may_use_idle_connection(
    border: Border, serve: Callable[..., RawServer]
) -> None:
    """Only a message to a person is that careful."""
    server = serve(say(OK))
    border.post(server.url, is_send=False)
    border.clock.advance(60)

    border.post(server.url, is_send=False)

    assert server.connections == 1


def test_call_on_reused_connection_keeps_deadline(
    border: Border, serve: Callable[..., RawServer]
) -> None:
    """The watchdog also knows connections of earlier calls."""
    server = serve(say(OK), drip(b"HTTP/1.1 200 OK\r\nX-Slow: "))
    border.get(server.url)

    error = fault_of(lambda: border.get(server.url))

    assert (error.fault, error.is_timeout) == (Fault.LOST, True)
    assert server.connections == 1


def test_read_answered_later_is_repeated(border: Border, serve: Callable[..., RawServer]) -> None:
    """A GET waits and asks again; each try is counted."""
    busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    server = serve(say(busy), say(busy), say(OK))

    answer = border.get(server.url, retry=True)

    assert answer.status == 200
    assert border.tries == len(server.requests) == 3
    assert border.clock.slept == [2.5]


def test_read_refused_for_good_returns_last_answer(
    border: Border, serve: Callable[..., RawServer]
) -> None:
    """After two repetitions the answer stands."""
    server = serve(say(b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nRetry-After: 99999999\r\n\r\n"))

    answer = border.get(server.url, retry=True)

    assert answer.status == 429
    assert len(server.requests) == 3
    assert border.clock.slept == [60, 60]


@pytest.mark.parametrize("value", ["-5", "1.5", "soon", "", "\xff", "9" * 5000, "Sun, 99 Foo"])
def test_read_with_nonsense_retry_after_is_harmless(
    value: str, border: Border, serve: Callable[..., RawServer]
) -> None:
    """No Retry-After, whatever it says, ends a call or holds it for more than a minute."""
    head = f"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nRetry-After: {value}\r\n\r\n"
    server = serve(say(head.encode("latin-1")), say(OK))

    answer = border.get(server.url, retry=True)

    assert answer.status == 200
    assert all(wait <= 60 for wait in border.clock.slept)


def test_read_lost_is_repeated_twice(border: Border, serve: Callable[..., RawServer]) -> None:
    """Three lost answers are enough."""
    server = serve(reset)

    error = fault_of(lambda: border.get(server.url, retry=True))

    assert error.fault is Fault.LOST
    assert border.tries == len(server.requests) == 3


def test_read_not_to_be_repeated_is_made_once(
    border: Border, serve: Callable[..., RawServer]
) -> None:
    """Without retry_reads a GET is one try."""
    server = serve(say(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"))

    answer = border.get(server.url)

    assert answer.status == 503
    assert len(server.requests) == 1


def test_connection_refused_nothing_left(border: Border) -> None:
    """A closed port certainly saw nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    error = fault_of(lambda: border.post(f"http://127.0.0.1:{port}"))

    assert (error.fault, error.is_timeout) == (Fault.UNREACHABLE, False)
    assert border.tries == 1


def test_read_refused_connection_is_tried_four_times(border: Border) -> None:
    """A read may find the server back."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    error = fault_of(lambda: border.get(f"http://127.0.0.1:{port}", retry=True))

    assert error.fault is Fault.UNREACHABLE
    assert border.tries == 4


def test_host_unknown_nothing_left(border: Border) -> None:
    """A name nobody knows certainly saw nothing."""
    error = fault_of(lambda: border.post("https://crm.invalid/x"))

    assert error.fault is Fault.UNREACHABLE
    assert "https://crm.invalid:" in str(error)


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


def test_tls_handshake_stalled_may_have_arrived(
    border: Border, serve: Callable[..., RawServer]
) -> None:
    """A server that takes the connection and says nothing: treated as if it had the request."""
    server = serve(hang)

    error = fault_of(lambda: border.post(server.url.replace("http:", "https:")))

    assert (error.fault, error.is_timeout) == (Fault.LOST, True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate nobody vouches for; return its folder."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is needed to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = (
        f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
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
    border: Border, serve: Callable[..., RawServer], self_signed: ssl.SSLContext
) -> None:
    """A certificate nobody vouches for ends the call before the request."""
    server = serve(say(OK), tls=self_signed)

    error = fault_of(lambda: border.post(server.url.replace("http:", "https:")))

    assert error.fault is Fault.CERTIFICATE
    assert server.requests == []


def test_tls_with_trusted_certificate_is_watched_and_reused(
    serve: Callable[..., RawServer], self_signed: ssl.SSLContext, certificate: Path
) -> None:
    """The same connections work under TLS, and the second call on one is watched as well."""
    server = serve(say(OK), hang, tls=self_signed)
    url = server.url.replace("http:", "https:")
    watchdog = Watchdog()
    host = HostConnections(watchdog, FakeClock().monotonic)
    trusted = str(certificate / "cert.pem")

    request = requests.Request("GET", url).prepare()
    first = host.adapter.send(request, verify=trusted, timeout=2)
    body = first.content
    watchdog.arm(0.1)
    with pytest.raises(requests.ConnectionError):
        host.adapter.send(request, verify=trusted, timeout=2)
    fired = watchdog.disarm()
    host.drop_connections()

    assert (first.status_code, body) == (200, b"{}")
    assert fired
    assert server.connections == 1


def test_tls_floor_is_1_2() -> None:
    """Older protocols are refused by us, whatever the system would allow."""
    host = HostConnections(Watchdog(), FakeClock().monotonic)

    floor = host.adapter.poolmanager.connection_pool_kw["ssl_minimum_version"]

    assert floor is ssl.TLSVersion.TLSv1_2


def test_post_forbidden_does_not_leave(serve: Callable[..., RawServer]) -> None:
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
    request = Request(method="GET", url="https://wati.example/x", headers={"A": "b\r\nC: d"})

    error = fault_of(lambda: border.client.call(request))

    assert error.fault is Fault.FORBIDDEN


def test_answer_with_date_measures_offset(border: Border, serve: Callable[..., RawServer]) -> None:
    """The offset is the server's time less ours in the middle of the call."""
    server_time = border.clock.now() + timedelta(seconds=90)

    def slow(conn: socket.socket, _done: Event) -> bool:
        border.clock.advance(10)
        date = server_time.strftime("%a, %d %b %Y %H:%M:%S GMT")
        conn.sendall(OK.replace(b"200 OK", f"200 OK\r\nDate: {date}".encode()))
        return True

    answer = border.get(serve(slow).url)

    assert answer.server_date == server_time
    assert answer.offset_s == pytest.approx(85)


def test_answer_with_unreadable_date_has_no_offset(
    border: Border, serve: Callable[..., RawServer]
) -> None:
    """A Date that is none measures nothing."""
    answer = border.get(serve(say(OK.replace(b"200 OK", b"200 OK\r\nDate: tomorrow"))).url)

    assert (answer.server_date, answer.offset_s) == (None, None)


def test_two_hosts_have_sessions_of_their_own(
    border: Border, serve: Callable[..., RawServer]
) -> None:
    """A fault of one host leaves the connections to the other alone."""
    good, bad = serve(say(OK)), serve(reset)
    border.get(good.url)
    fault_of(lambda: border.get(bad.url))

    border.get(good.url)

    assert good.connections == 1
