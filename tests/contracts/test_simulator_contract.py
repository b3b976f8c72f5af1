"""The simulator's answers against the reference data of the vendor, so that it cannot lie."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from simulated.faults import FaultKind, NetworkFault
from simulated.inprocess import ADDRESSES, InProcessHttp
from simulated.scripts import Reply
from simulated.server import SandboxServer
from simulated.simulator import Simulator

from lead_automation.clock import Clock, StopFlag
from lead_automation.config import HttpPolicy
from lead_automation.errors import Fault, TransportError
from lead_automation.http import Http, HttpClient, Request
from lead_automation.sandbox.addresses import find_route
from lead_automation.sandbox.exchange import Endpoint, Side, SimReply, request_of
from lead_automation.sandbox.plans import Plan, failing, refused
from lead_automation.sandbox.simulator import API_KEY, TEMPLATE
from lead_automation.sandbox.wati_answers import SimTemplate
from lead_automation.sandbox.windows import VendorLimits

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference"
NUMBER = "15551230001"
HEADERS = {"Authorization": f"Bearer {API_KEY}"}
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@cache
def reference(name: str) -> Any:
    """Return a reference file's JSON; skip where the files are not beside the project."""
    path = REFERENCE / name
    if not path.is_file():
        pytest.skip(f"no reference data at {path}")
    return json.loads(path.read_text(encoding="utf-8"))


def supplement() -> Any:
    """Return the description of v1 and v2 answers."""
    return reference("wati-supplement.openapi.json")


def vendors_v3() -> Any:
    """Return WATI's own description of API v3."""
    return reference("wati-v3.openapi.json")


@cache
def schemas() -> Any:
    """Return every named schema, the vendor's own where both describe one."""
    return supplement()["components"]["schemas"] | vendors_v3()["components"]["schemas"]


def answer_of(path: str, method: str, status: str = "200", of: Any = None) -> Any:
    """Return what a description says of an answer with a JSON body."""
    paths = (of or supplement())["paths"]
    return paths[path][method]["responses"][status]["content"]["application/json"]


def violations(value: object, schema: Mapping[str, Any], where: str = "$") -> Iterator[str]:
    """Yield every place where a value is not of the schema's type or lacks what it requires."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from violations(value, schemas()[name], where)
    elif "oneOf" in schema:
        choices = [list(violations(value, choice, where)) for choice in schema["oneOf"]]
        if all(choices):
            yield f"{where}: none of the choices"
    elif value is None:
        if not schema.get("nullable") and "type" in schema:
            yield f"{where}: null"
    elif "type" in schema:
        yield from _typed_violations(value, schema, where)


def _typed_violations(value: object, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    is_number_as_bool = isinstance(value, bool) and schema["type"] in ("integer", "number")
    if not isinstance(value, _TYPES[schema["type"]]) or is_number_as_bool:
        yield f"{where}: {type(value).__name__} where {schema['type']} is documented"
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from violations(item, schema.get("items", {}), f"{where}[{position}]")
    elif isinstance(value, dict):
        yield from (
            f"{where}.{name}: missing" for name in schema.get("required", ()) if name not in value
        )
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from violations(value[name], inner, f"{where}.{name}")
        if schema.get("additionalProperties") is False:
            unknown = value.keys() - schema["properties"].keys()
            yield from (f"{where}.{name}: not documented" for name in unknown)


def make_simulator(**settings: Any) -> Simulator:
    """Return a simulator with one template of one parameter."""
    template = SimTemplate(name=TEMPLATE, parameters=("first_name",))
    return Simulator(clock=FakeClock(), templates=[template], **settings)


def message(*names: str) -> dict[str, object]:
    """Return a message with these parameters."""
    parameters = [{"name": name, "value": "Asha"} for name in names]
    return {"template_name": TEMPLATE, "broadcast_name": "run_1", "parameters": parameters}


def send(simulator: Simulator, version: str) -> SimReply:
    """Make the documented send."""
    body = message("first_name")
    schema = supplement()["components"]["schemas"]["SingleSendRequest"]
    assert list(violations(body, schema)) == []
    target = f"/api/{version}/sendTemplateMessage?whatsappNumber={NUMBER}"
    return simulator.handle(
        request_of("POST", target, headers=HEADERS, body=json.dumps(body).encode())
    )


def read(simulator: Simulator, target: str) -> Any:
    """Make a read and return its body."""
    reply = simulator.handle(request_of("GET", target, headers=HEADERS))
    assert reply.status == 200
    return json.loads(reply.body)


def call_on_sockets(simulator: Simulator, *, is_outage: bool) -> object:
    """Make a send with the real client on a real server; return its status or its fault."""
    policy = HttpPolicy(connect_timeout_s=0.25, read_timeout_s=0.25)
    client = HttpClient(
        policy,
        clock=Clock(),
        sleep=lambda _: None,
        chance=lambda: 0.5,
        stop=StopFlag(),
        allow_posts=True,
    )
    with SandboxServer(simulator, longest_wait_s=2) as server, closing(client):
        if is_outage:
            simulator.take_down(Side.WATI, FaultKind.REFUSED)
        return outcome_of(client, server.addresses.wati_base_url())


def call_in_process(simulator: Simulator, *, is_outage: bool) -> object:
    """Make the same send without sockets."""
    if is_outage:
        simulator.take_down(Side.WATI, FaultKind.REFUSED)
    client = InProcessHttp(simulator, Clock(), advance=lambda _: None, read_timeout_s=0.25)
    return outcome_of(client, ADDRESSES.wati_base_url())


def outcome_of(client: Http, base_url: str) -> object:
    """Return what one send comes to."""
    request = Request(
        method="POST",
        url=f"{base_url}/sendTemplateMessage",
        params=(("whatsappNumber", NUMBER),),
        headers=HEADERS,
        json=message(*"123"),
        deadline_s=0.5,
    )
    try:
        return client.call(request).status
    except TransportError as exc:
        return exc.fault, exc.is_timeout


@pytest.mark.parametrize(("version", "example"), [("v1", "full"), ("v2", "ok")])
def test_accepted_send_has_the_documented_shape(version: str, example: str) -> None:
    """Every documented field is there with its type, those of the example by name too."""
    documented = answer_of(f"/api/{version}/sendTemplateMessage", "post")

    body = json.loads(send(make_simulator(), version).body)

    shown = documented["examples"][example]["value"]
    assert list(violations(body, documented["schema"])) == []
    assert set(body) == set(shown)
    assert set(body.get("contact", {})) >= set(shown.get("contact", {}))
    if version == "v2":
        assert set(body["receivers"][0]) == set(shown["receivers"][0])


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("plan", [refused("Invalid WhatsApp number"), Plan(on_whatsapp=False)])
def test_refused_send_has_the_documented_shape(version: str, plan: Plan) -> None:
    """A no with HTTP 200 is of the same schema."""
    documented = answer_of(f"/api/{version}/sendTemplateMessage", "post")
    simulator = make_simulator(plans={NUMBER: plan})

    reply = send(simulator, version)

    assert reply.status == 200
    assert list(violations(json.loads(reply.body), documented["schema"])) == []


def test_malformed_send_has_the_documented_error_shape() -> None:
    """The 400 of a validation is an error object with items."""
    documented = answer_of("/api/v1/sendTemplateMessage", "post", "400")
    target = f"/api/v1/sendTemplateMessage?whatsappNumber={NUMBER}"

    reply = make_simulator().handle(request_of("POST", target, headers=HEADERS, body=b"{}"))

    assert reply.status == 400
    assert list(violations(json.loads(reply.body), documented["schema"])) == []
    assert json.loads(reply.body)["items"][0]["description"]


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("plan", [Plan(says=((0.0, "Yes"),)), failing("Message undeliverable")])
def test_message_list_has_the_documented_shape(version: str, plan: Plan) -> None:
    """Template rows, inbound rows and ticket rows are all of the documented row."""
    documented = answer_of("/api/v1/getMessages/{whatsappNumber}", "get")
    simulator = make_simulator(plans={NUMBER: plan})
    send(simulator, version)

    body = read(simulator, f"/api/v1/getMessages/{NUMBER}?pageSize=20&pageNumber=1")

    rows = body["messages"]["items"]
    assert list(violations(body, documented["schema"])) == []
    assert [row["eventType"] for row in rows].count("broadcastMessage") == 1
    [ours] = [row for row in rows if row["eventType"] == "broadcastMessage"]
    required = {"eventDescription", "finalText", "statusString", "failedDetail", "localMessageId"}
    assert set(ours) >= required | {"id", "created", "conversationId", "owner"}


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/getMessageTemplates", "/api/v1/getMessageTemplates?pageSize=500&pageNumber=1"),
        ("/api/v1/getContacts", "/api/v1/getContacts?pageSize=20&pageNumber=1"),
    ],
)
def test_other_lists_have_the_documented_shape(path: str, target: str) -> None:
    """Templates and contacts as described, with the link beside them."""
    documented = answer_of(path, "get")
    simulator = make_simulator(plans={NUMBER: Plan()})

    body = read(simulator, target)

    assert list(violations(body, documented["schema"])) == []
    lists = [value for value in body.values() if isinstance(value, list)]
    assert [len(rows) for rows in lists] == [1]
    names = documented["schema"]["properties"]
    [row_schema] = [inner["items"]["$ref"] for inner in names.values() if "items" in inner]
    schema = supplement()["components"]["schemas"][row_schema.rpartition("/")[2]]
    assert set(schema["properties"]) <= set(lists[0][0])


def test_credentials_and_rate_have_the_documented_status() -> None:
    """401 and 429 are documented for every call; Retry-After is whole seconds."""
    responses = supplement()["paths"]["/api/v1/sendTemplateMessage"]["post"]["responses"]
    simulator = make_simulator(limits=VendorLimits(sends=1, window_s=10))
    send(simulator, "v1")

    limited = send(simulator, "v1")
    stranger = simulator.handle(request_of("GET", "/api/v1/getContacts"))

    assert {str(limited.status), str(stranger.status)} == {"429", "401"} <= set(responses)
    documented = responses["429"]["headers"]["Retry-After"]["schema"]
    assert list(violations(int(dict(limited.headers)["Retry-After"]), documented)) == []


V3 = "/api/ext/v3"
DATES = "date_from=2020-01-01T00:00:00Z&date_to=2040-01-01T00:00:00Z"


def send_batch(simulator: Simulator, **changes: object) -> SimReply:
    """Make the documented send of v3 to two people."""
    people = [
        {
            "phone_number": number,
            "local_message_id": f"local-msg-{number}",
            "custom_params": [{"name": "first_name", "value": "Asha"}],
        }
        for number in (NUMBER, "12345")
    ]
    body = {"template_name": TEMPLATE, "broadcast_name": "run 1", "recipients": people} | changes
    target = f"{V3}/messageTemplates/send"
    return simulator.handle(
        request_of("POST", target, headers=HEADERS, body=json.dumps(body).encode())
    )


def test_v3_send_is_answered_as_the_vendor_describes_it() -> None:
    """Everybody asked for stands in the answer, the impossible number with its error."""
    path = f"{V3}/messageTemplates/send"
    documented = answer_of(path, "post", of=vendors_v3())

    body = json.loads(send_batch(make_simulator()).body)

    assert list(violations(body, documented["schema"])) == []
    assert set(body) >= set(documented["example"])
    assert [set(row) for row in body["recipients"]] == [
        set(documented["example"]["recipients"][0])
    ] * 2
    assert [row["errors"] for row in body["recipients"]] == [[], ["Invalid phone number format."]]


@pytest.mark.parametrize(
    "changes",
    [
        {"recipients": []},
        {"broadcast_name": None},
        {"template_name": "no such template"},
        {"recipients": [{"whatsappNumber": NUMBER}]},
    ],
)
def test_v3_refuses_as_the_vendor_describes_it(changes: dict[str, object]) -> None:
    """A 400 is an error object, and nobody was sent."""
    path = f"{V3}/messageTemplates/send"
    documented = answer_of(path, "post", "400", of=vendors_v3())
    simulator = make_simulator()

    reply = send_batch(simulator, **changes)

    assert reply.status == 400
    assert list(violations(json.loads(reply.body), documented["schema"])) == []
    assert simulator.messages == []


@pytest.mark.parametrize("plan", [Plan(), Plan(says=((0.0, "Yes"),)), failing("131026 gone")])
@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("broadcasts", f"broadcasts?page_number=1&page_size=100&{DATES}"),
        ("broadcasts/{broadcast_id}", "broadcasts/674100000000000000000001"),
        (
            "broadcasts/{broadcast_id}/recipients",
            "broadcasts/674100000000000000000001/recipients?page_number=1&page_size=100",
        ),
        ("messageTemplates", "messageTemplates?page_number=1&page_size=100"),
        ("contacts", "contacts?page_number=1&page_size=100"),
        ("contacts/{target}", f"contacts/{NUMBER}"),
    ],
)
def test_v3_reads_are_answered_as_the_vendor_describes_them(
    path: str, target: str, plan: Plan
) -> None:
    """Nothing undocumented, every type right; a list holds something to be judged by."""
    documented = answer_of(f"{V3}/{path}", "get", of=vendors_v3())
    simulator = make_simulator(plans={NUMBER: plan})
    send_batch(simulator)

    body = read(simulator, f"{V3}/{target}")

    assert list(violations(body, documented["schema"])) == []
    assert all(value for name, value in body.items() if name in ("broadcasts", "recipients"))


def test_v3_credit_has_the_documented_shape() -> None:
    """The one read that WATI's description of February lacks."""
    documented = answer_of(f"{V3}/account/credits", "get")

    body = read(make_simulator(credit=3), f"{V3}/account/credits")

    assert list(violations(body, documented["schema"])) == []
    assert set(body) == set(documented["schema"]["properties"])
    assert body["credit"] == 3


def vendors_client() -> Any:
    """Return the module of WATI's package ``wati-mcp`` that makes its calls; skip without it."""
    package = find_spec("whatsapp_mcp")
    if package is None or not package.submodule_search_locations:
        pytest.skip("no package wati-mcp here")
    # The file alone: the package around it wants a whole MCP server.
    path = Path(package.submodule_search_locations[0]) / "wati_api.py"
    spec = spec_from_file_location("wati_api", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_wati_s_own_client_reads_the_simulator() -> None:
    """Its published package for v3 sends, and finds what it sent by the same fields as we do."""
    api = vendors_client()
    simulator = Simulator(clock=Clock(), plans={NUMBER: Plan(allow_broadcast=False)})
    with SandboxServer(simulator) as server:
        client = api.WatiAPI(server.addresses.wati_origin, "", API_KEY)
        parameters = [{"name": name, "value": "Asha"} for name in "123"]
        people = [{"phone_number": NUMBER, "custom_params": parameters}]
        sent = client.send_template(TEMPLATE, "run 1", people)
        [listed] = client.list_campaigns()
        campaign = client.get_campaign(listed["id"])
        [contact] = client.get_contacts()
        templates = client.list_templates()

    [broadcast] = simulator.v3.broadcasts
    assert sent == (True, f"Broadcast {broadcast.broadcast_id}")
    assert (listed["id"], listed["name"]) == (broadcast.broadcast_id, "run 1")
    assert campaign["statistics"]["total_recipients"] == 1
    assert (contact.wa_id, contact.allow_broadcast) == (NUMBER, False)
    assert TEMPLATE in [row["name"] for row in templates if row["status"] == "APPROVED"]


def test_every_v3_call_stands_in_the_vendors_description() -> None:
    """Address and verb; with a tenant in the path it is nobody's."""
    described = vendors_v3()["paths"] | supplement()["paths"]
    known = {
        (method.upper(), path.replace("{target}", NUMBER).replace("{broadcast_id}", "6741"))
        for path, verbs in described.items()
        if path.startswith(V3)
        for method in verbs
    }

    # Two that are not simulated look like an id of something, and are answered 404 for it.
    known -= {("GET", f"{V3}/{path}") for path in ("broadcasts/overview", "contacts/count")}
    served = {(method, path) for method, path in known if find_route(path, None).method == method}

    assert {path.removeprefix(f"{V3}/") for _, path in served} == {
        *("messageTemplates/send", "messageTemplates", "contacts", f"contacts/{NUMBER}"),
        *("broadcasts", "broadcasts/6741", "broadcasts/6741/recipients", "account/credits"),
    }
    assert all(find_route(f"/100138{path}", "100138").method == "" for _, path in served)
    assert all(find_route(path, "100138").is_v3 for _, path in served)


def test_every_v1_call_stands_in_the_vendors_collection() -> None:
    """Address and verb of each simulated v1 call are the vendor's own."""
    items = reference("wati-v1.postman_collection.json")["item"]
    known = set()
    for item in items:
        request = item["request"]
        path = "/" + "/".join(request["url"]["path"])
        known.add((request["method"], path.replace("{{whatsappNumber}}", NUMBER)))

    simulated = {
        ("POST", "/api/v1/sendTemplateMessage"),
        ("GET", f"/api/v1/getMessages/{NUMBER}"),
        ("GET", "/api/v1/getMessageTemplates"),
        ("GET", "/api/v1/getContacts"),
    }

    assert simulated <= known
    assert all(find_route(path, None).method == method for method, path in simulated)
    others = {(method, path) for method, path in known - simulated}
    assert others
    assert all(find_route(path, None).method == "" for _, path in others)


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.CERTIFICATE])
def test_fault_means_the_same_with_and_without_sockets(kind: FaultKind) -> None:
    """What the call without sockets makes of a fault is what the real client makes of it."""
    is_outage = kind is FaultKind.REFUSED
    seen = []
    for call in (call_on_sockets, call_in_process):
        simulator = Simulator(clock=Clock())
        if not is_outage:
            simulator.script(Endpoint.SEND, Reply(fault=NetworkFault(kind, 0.3)))
        seen.append((call(simulator, is_outage=is_outage), len(simulator.messages)))

    assert seen[0] == seen[1]
    assert seen[0][1] == (not is_outage)
    assert is_outage == (seen[0][0] == (Fault.UNREACHABLE, False))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "$.result: missing"),
        ({"result": 1}, "$.result: none of the choices"),
        ({"result": True, "model": {"ids": [5]}}, "$.model.ids[0]: int where string is documented"),
        ({"result": True, "contact": None}, "$.contact: null"),
        ({"result": True, "contact": {"optedIn": "no"}}, "$.contact.optedIn: str where boolean"),
    ],
)
def test_comparison_finds_what_is_wrong(body: object, problem: str) -> None:
    """The measure itself can say no."""
    schema = answer_of("/api/v1/sendTemplateMessage", "post")["schema"]

    found = list(violations(body, schema))

    assert len(found) == 1
    assert found[0].startswith(problem)
