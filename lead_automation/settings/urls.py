"""Parse the addresses of WATI and the CRM: strictly, because tokens and numbers go there."""

import ipaddress
import posixpath
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from lead_automation.secret import Secret
from lead_automation.settings.values import BadValueError, expect, split_words

_MAX_CHARS = 2048  # longer ones are not taken by every server
_ADDRESS = "an address such as https://crm.example.com/leads/"
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_-]{1,63})*")
_IPV6 = re.compile(r"[0-9a-f:.]{2,45}")  # no zone index: it is this machine's own affair
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
# A segment such as v1 is the end of an address that was cut short.
_TENANT = re.compile(r"(?!v[0-9]\Z)[A-Za-z0-9_-]{1,64}")
_DEFAULT_PORTS = {"https": 443, "http": 80}

# The shared host serves every workspace and tells them apart by the first path segment
# (https://support.wati.io/en/articles/11463227, read 2026-11-22).
SHARED_HOST = "live-mt-server.wati.io"

_API_SUFFIXES = {
    (): None,
    ("api", "v1"): "v1",
    ("api", "v2"): "v2",
    ("api", "ext", "v3"): "v3",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseUrl:
    """A WATI base address, taken apart.

    Attributes:
        host: Scheme and host, with the port where it is not the usual one; no slash at the end.
        tenant: The path segment before ``/api``, None when there is none.
        version: ``v1``, ``v2`` or ``v3`` where the address names one.
        needs_tenant: The host serves many workspaces.
    """

    host: str
    tenant: str | None
    version: str | None
    needs_tenant: bool


def parse_url(text: str) -> str:
    """Return an https address in normal form, its path (and last slash) kept.

    http is for literal loopback addresses and ``localhost`` only. User info, query, fragment,
    backslash, whitespace, control and non-ASCII characters are refused, dot segments resolved.

    Raises:
        BadValueError: The address breaks a rule.
    """
    parts = _split(text)
    return f"{_origin(parts)}{_normal_path(parts.path)}"


def parse_base_url(text: str) -> BaseUrl:
    """Return a WATI base address in its parts.

    Taken are the bare host, ``/{tenant}``, ``/api/v1`` or ``/api/v2`` and both together, with or
    without a last slash; also v3's form, ``/api/ext/v3``, of whose tenant v3 needs none. A
    tenant that stands in the address stays, on any host: what the dashboard shows is right.

    Raises:
        BadValueError: No such form, or the address breaks a rule of ``parse_url``.
    """
    parts = _split(text)
    segments = [segment for segment in _normal_path(parts.path).split("/") if segment]
    tenant = segments.pop(0) if segments and segments[0].lower() != "api" else None
    suffix = tuple(segment.lower() for segment in segments)
    expect(
        suffix in _API_SUFFIXES and (tenant is None or _TENANT.fullmatch(tenant)),
        "the address the WATI dashboard shows, such as https://live-server-12345.wati.io/api/v1",
    )
    return BaseUrl(
        host=_origin(parts),
        tenant=tenant,
        version=_API_SUFFIXES[suffix],
        needs_tenant=parts.hostname == SHARED_HOST,
    )


def parse_heartbeat_url(text: str) -> Secret:
    """Return the address that ``/start`` and ``/EXITCODE`` are hung on; whoever has it may ping."""
    return Secret(parse_url(text).rstrip("/"))


def parse_alert_urls(text: str) -> tuple[Secret, ...]:
    """Return addresses as Apprise takes them, parted by blanks or commas; it judges each itself."""
    urls = split_words(text)
    expect(
        len(text) <= _MAX_CHARS and all("://" in url and url.isprintable() for url in urls),
        "addresses as Apprise takes them, such as json://host/path, with commas between",
    )
    return tuple(Secret(url) for url in urls)


def parse_state_url(text: str) -> Secret:
    """Return the address of a database, any that PostgreSQL's own library takes.

    What would be read as another host than was meant, and so be shown, is refused: an ``@`` or a
    ``/`` that belongs to a password is written %40 or %2F.

    Raises:
        BadValueError: No such address.
    """
    scheme, _, rest = text.partition("://")
    before, at, behind = rest.partition("@")
    expect(
        scheme in ("postgresql", "postgres")
        and len(text) <= _MAX_CHARS
        and all("!" <= char <= "~" for char in text)
        and not (at and ("/" in before or "@" in behind)),
        "postgresql://role@host/database (in a password: %40 for @, %2F for /)",
    )
    return Secret(text)


def is_loopback(host: str) -> bool:
    """Whether a host is ``localhost`` or a literal loopback address (``127.0.0.1``, ``::1``)."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # An IPv4 address inside an IPv6 one is judged differently by different Pythons.
    is_plain = address.version == 4 or address == ipaddress.IPv6Address("::1")  # noqa: PLR2004
    return address.is_loopback and is_plain


def _split(text: str) -> SplitResult:
    """Split after refusing what ``urlsplit`` would silently drop or move."""
    expect(
        len(text) <= _MAX_CHARS and all("!" <= char <= "~" for char in text),
        f"an address of at most {_MAX_CHARS} visible ASCII characters without blanks",
    )
    expect(not set(text) & set("\\?#"), "an address without ?, # or backslash")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BadValueError(_ADDRESS) from None
    expect("@" not in parts.netloc, "an address without user name and password")
    host = parts.hostname or ""
    # The rebuilt host must be the written one: urlsplit reads [::1]x and :0443 its own way.
    written = (_bracketed(host), f"{_bracketed(host)}:{port}")
    is_plain = _is_host(host) and port != 0 and parts.netloc.lower() in written
    expect(parts.scheme in _DEFAULT_PORTS and is_plain, _ADDRESS)
    is_private = parts.scheme == "https" or is_loopback(host)
    expect(is_private, "https:// (http only for a literal loopback address)")
    expect(_PATH.fullmatch(parts.path), "an address with a plain path")
    return parts


def _is_host(host: str) -> bool:
    return (_IPV6 if ":" in host else _HOST).fullmatch(host) is not None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _origin(parts: SplitResult) -> str:
    port = parts.port
    suffix = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{_bracketed(parts.hostname or '')}{suffix}"


def _normal_path(path: str) -> str:
    """Resolve ``.``, ``..`` (also written %2e) and doubled slashes; keep the last slash."""
    plain = re.sub(r"(?i)%2e", ".", path)
    normal = "/" + posixpath.normpath(f"/{plain}").lstrip("/")
    ends_as_folder = plain.endswith(("/", "/.", "/..")) and normal != "/"
    return normal + "/" if ends_as_folder else normal
