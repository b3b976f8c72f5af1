"""Keep our own credential from coming back: a server may quote it in the words of a refusal; pure.

Those words go to the log, to reports, to the CRM and into state files. Hidden where the answer
comes in, the credential is in none of them.
"""

import json

from lead_automation.strictjson import JsonError, parse_json

_SHORTEST_HIDDEN = 8
"""Shorter ones stand in honest words too, and hiding those would change what an answer says."""

_HIDDEN = "***"


def without_echo(body: bytes, authorization: str | None) -> bytes:
    """Return an answer's body with the credential of its request replaced by ``***``.

    Args:
        body: As it came; JSON escapes do not hide the credential.
        authorization: Value of the request's ``Authorization`` header, with or without scheme.
    """
    token = (authorization or "").rpartition(" ")[2]
    is_quoted = token.encode() in body
    if len(token) < _SHORTEST_HIDDEN or not (is_quoted or b"\\" in body):
        return body
    try:
        value = parse_json(body, reject_duplicates=True)
    except JsonError:
        return body.replace(token.encode(), _HIDDEN.encode())
    # In the values, not in the bytes: the end of an escape and what follows may spell it by chance.
    hidden = _without(value, token)
    return body if hidden == value else json.dumps(hidden).encode()


def _without(value: object, token: str) -> object:
    """Return a JSON value, nested no deeper than ``strictjson`` lets through."""
    match value:
        case str():
            return value.replace(token, _HIDDEN)
        case list():
            return [_without(item, token) for item in value]
        case dict():
            return {key.replace(token, _HIDDEN): _without(its, token) for key, its in value.items()}
        case _:
            return value
