"""Addresses: normal form, and everything that is refused."""

import pytest

from lead_automation.settings.urls import BaseUrl, parse_base_url, parse_url
from lead_automation.settings.values import BadValueError

CRM = "https://crm.example.com"
NUMBERED = "https://live-server-12345.wati.io"
SHARED = "https://live-mt-server.wati.io"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("HTTPS://CRM.Example.COM/Lead", f"{CRM}/Lead"),
        (CRM, f"{CRM}/"),
        (f"{CRM}:443/x", f"{CRM}/x"),
        (f"{CRM}/a/../b/./c//d/", f"{CRM}/b/c/d/"),
        (f"{CRM}/a/%2e%2E/b", f"{CRM}/b"),
        (f"{CRM}/../../b/..", f"{CRM}/"),
        (f"{CRM}/a/b/..", f"{CRM}/a/"),
        (f"{CRM}//evil.com/x", f"{CRM}/evil.com/x"),
        *((text, text) for text in (f"{CRM}/lead/list/", f"{CRM}:8443/x", "https://10.0.0.5/x")),
        *((text, text) for text in ("https://[2001:db8::1]:8443/x", "http://127.0.0.1:8080/x")),
        *((text, text) for text in ("http://127.0.0.9/x", "http://localhost/x", "http://[::1]/x")),
    ],
)
def test_url_acceptable_is_put_in_normal_form(text: str, normal: str) -> None:
    """Host in lower case, usual port and dot segments gone, last slash kept."""
    assert parse_url(text) == normal
    assert parse_url(normal) == normal


@pytest.mark.parametrize(
    ("expected", "texts"),
    [
        ("https://", ("http://crm.example.com", "http://127.1/", "http://10.0.0.1/")),
        ("https://", ("http://[::ffff:127.0.0.1]/", "http://localhost./")),
        ("user name", ("https://crm.example.com@evil.com/", "https://@crm.example.com/")),
        ("backslash", ("https://a\\@evil.com",)),
        ("without ?", (f"{CRM}/?x=1", f"{CRM}/?", f"{CRM}/#y", f"{CRM}/#")),
        ("visible ASCII", (f"{CRM}/\n", "ht\ttps://crm.example.com/", f"{CRM}/\x00", f"{CRM}/ä")),
        ("at most 2048", ("https://" + "x" * 3000,)),
        ("such as https://", ("https:crm.example.com", "https:/crm.example.com", "https:///lead")),
        ("such as https://", (f"{CRM}:0/", f"{CRM}:x/", f"{CRM}:/", f"{CRM}:0443/", f"{CRM}./")),
        ("such as https://", ("https://crm..example.com/", "https://-crm.example.com/")),
        ("such as https://", ("https://crm%2eexample.com/", "https://[::1]evil.com/")),
        ("such as https://", ("https://[fe80::1%25eth0]/", "https://a:b:c/")),
        ("plain path", (f'{CRM}/"x"', f"{CRM}/<x>", f"{CRM}/{{x}}")),
    ],
)
def test_url_that_could_lead_elsewhere_is_refused(expected: str, texts: tuple[str, ...]) -> None:
    """Tokens and numbers go only where it is plain to see; the command line tries more."""
    for text in texts:
        with pytest.raises(BadValueError) as caught:
            parse_url(text)
        assert expected in str(caught.value)
        assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "path", "tenant", "version"),
    [
        (NUMBERED, "", None, None),
        (NUMBERED, "/", None, None),
        (NUMBERED, "/api/v1", None, "v1"),
        (NUMBERED, "/API/V2/", None, "v2"),
        (NUMBERED, "/api/ext/v3", None, "v3"),
        (NUMBERED, "/12345/api/v1", "12345", "v1"),
        (SHARED, "", None, None),
        (SHARED, "/100138", "100138", None),
        (SHARED, "/100138/api/v2/", "100138", "v2"),
        (SHARED, "/100138/x/../api//v1", "100138", "v1"),
        (SHARED, "/api/ext/v3/", None, "v3"),
        ("https://api.wati.io", "/api/v1", None, "v1"),
        ("http://127.0.0.1:5000", "/api/v1", None, "v1"),
        ("http://localhost:5000", "/77/api/v2", "77", "v2"),
    ],
)
def test_base_url_in_every_form_is_taken_apart(
    host: str, path: str, tenant: str | None, version: str | None
) -> None:
    """Bare host, tenant, version, both, with or without a last slash."""
    assert parse_base_url(host + path) == BaseUrl(
        host=host, tenant=tenant, version=version, needs_tenant=host == SHARED
    )


def test_base_url_of_another_form_is_refused() -> None:
    """A form nobody knows would send every call to the wrong place."""
    paths = "api api/v3 api/v1/sendTemplateMessage 1/2/api/v1 a%20b/api/v1 v1 1/api v2/api/v1"
    for path in paths.split():
        with pytest.raises(BadValueError, match="the WATI dashboard shows"):
            parse_base_url(f"{NUMBERED}/{path}")
