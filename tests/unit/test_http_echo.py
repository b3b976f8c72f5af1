"""Our own credential, quoted by a server, does not come through; nothing else is changed."""

import json

import pytest

from lead_automation.http.echo import without_echo

TOKEN = "eyJhbGciOi.payload/+"
CODES = "".join(f"\\u{ord(char):04x}" for char in TOKEN)


@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}", TOKEN, f"Token {TOKEN}"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (f'{{"info": "bad {TOKEN}"}}'.encode(), {"info": "bad ***"}),
        (f'{{"info": "bad {CODES}"}}'.encode(), {"info": "bad ***"}),
        (f'["{TOKEN}", [{{"{CODES}": 1}}]]'.encode(), ["***", [{"***": 1}]]),
        (f'\ufeff{{"info": "{TOKEN}{TOKEN}"}}'.encode(), {"info": "******"}),
    ],
)
def test_credential_in_json_is_replaced_in_keys_and_values(
    authorization: str, body: bytes, said: object
) -> None:
    """Whole, in part of a text, written as codes, as a key."""
    assert json.loads(without_echo(body, authorization)) == said


def test_credential_in_what_is_no_json_is_replaced_byte_by_byte() -> None:
    """A page or half a JSON may quote it as well."""
    assert without_echo(f"<p>{TOKEN}</p>\\".encode(), TOKEN) == b"<p>***</p>\\"
    assert without_echo(f'{{"a": "{TOKEN}'.encode(), TOKEN) == b'{"a": "***'


def test_credential_in_an_answer_of_twins_leaves_them_twins() -> None:
    """An answer that says yes and no must not become one that says only yes."""
    body = f'{{"result": false, "result": true, "info": "{TOKEN}"}}'.encode()

    assert without_echo(body, TOKEN) == body.replace(TOKEN.encode(), b"***")


@pytest.mark.parametrize(
    ("body", "authorization"),
    [
        (b'{"result": true}', f"Bearer {TOKEN}"),
        (b'{"name": "\\u0915\\u094d"}', f"Bearer {TOKEN}"),
        (b"\xff\xfe\\", f"Bearer {TOKEN}"),
        (b'{"result": "short"}', "Bearer short"),
        (b'{"a": "\\n0000000"}', "Bearer n0000000"),
        (f'{{"info": "{TOKEN}"}}'.encode(), None),
        (b"", f"Bearer {TOKEN}"),
    ],
)
def test_answer_without_the_credential_stays_byte_for_byte(
    body: bytes, authorization: str | None
) -> None:
    """Also where an escape and what follows spell it by chance, or it is too short to tell."""
    assert without_echo(body, authorization) == body
