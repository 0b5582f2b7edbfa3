"""The API's description against the API: all of it is described, and it answers as described."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from portal.api.openapi_parts import TAGS, below_api
from portal.core import errors
from tests.conftest import Portal, Tus

CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
KINDS = {
    "uploader": ("uploader", "upload"),
    "auditor": ("auditor", "read"),
    "admin": ("admin", "upload", "read", "delete"),
}
REQUESTS = 150
"""With each kind of token, over all operations: a few seconds."""


@schemathesis.serializer("application/offset+octet-stream", "application/partial-upload")
def bytes_as_they_are(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def document(portal: Portal) -> dict[str, Any]:
    return requests.get(f"{portal.url}/api/openapi.json").json()


def test_every_route_below_api_is_described(portal: Portal) -> None:
    views = portal.app.view_functions
    unmarked = {
        f"{rule.endpoint} at {rule.rule}"
        for rule in below_api(portal.app)
        if not hasattr(views[rule.endpoint], "described")
    }
    assert unmarked == set(), "these have no @described(…)"


def test_every_blueprint_below_api_has_a_sentence(portal: Portal) -> None:
    assert {rule.endpoint.partition(".")[0] for rule in below_api(portal.app)} <= set(TAGS)


def test_the_document_is_valid_openapi(portal: Portal, document: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(document)
    assert isinstance(schema, OpenApiSchema)
    schema.validate()
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"] == "0.1.0"
    assert document["security"] == [{"bearer": []}]


def test_the_document_says_what_a_client_has_to_know(document: dict[str, Any]) -> None:
    told = document["paths"]["/api/v1/resumable/{upload_id}"]["patch"]
    assert [each["name"] for each in told["parameters"]] == [
        "upload_id",
        "Upload-Draft-Interop-Version",
        "Upload-Complete",
        "Upload-Length",
        "Upload-Offset",
    ]
    assert told["parameters"][0]["schema"]["pattern"].startswith("^[0-9a-f]{8}")
    assert list(told["requestBody"]["content"]) == ["application/partial-upload"]
    assert {"200", "204", "401", "403", "409", "429", "503"} <= set(told["responses"])
    problem = told["responses"]["409"]["content"]["application/problem+json"]["schema"]
    fields = document["components"]["schemas"][problem["$ref"].rpartition("/")[2]]["properties"]
    assert "expected-offset" in fields
    assert document["paths"]["/api/health"]["get"]["security"] == []
    names = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(names) == len(set(names))


def test_the_document_is_open_and_kept_by_its_etag(portal: Portal) -> None:
    url = f"{portal.url}/api/openapi.json"
    first = requests.get(url)
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "no-cache"
    again = requests.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal that may be filled with nonsense. Behind a proxy, as far as it knows: `requests`
    takes the 104 of the IETF's draft for an answer."""
    running = Portal(tmp_path_factory.mktemp("tried"), PORTAL_PROXY_HOPS="1").start()
    yield running
    running.drop()


@pytest.fixture(scope="module")
def schema(tried: Portal) -> OpenApiSchema:
    return schemathesis.openapi.from_url(f"{tried.url}/api/openapi.json")


def some_ids(portal: Portal, token: str) -> list[str]:
    """Uploads of the caller's: open ones, and one that became a (quarantined) recording."""
    tus = Tus(portal, token)
    ids = [tus.begin(length).rpartition("/")[2] for length in (0, 5)]
    version = {"Authorization": f"Bearer {token}", "Upload-Draft-Interop-Version": "8"}
    begun = requests.post(
        f"{portal.url}/api/v1/resumable", headers=version | {"Upload-Complete": "?0"}
    )
    return [*ids, begun.headers["Location"].rpartition("/")[2]]


@pytest.mark.parametrize("kind", KINDS)
def test_schemathesis_finds_no_answer_that_is_not_described(
    tried: Portal, schema: OpenApiSchema, kind: str
) -> None:
    token = tried.token(*KINDS[kind])
    own = some_ids(tried, token) if "upload" in KINDS[kind] else []
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    wrong: list[str] = []
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:
        try:
            try_it(operation, session, own, REQUESTS // len(operations))
        except BaseExceptionGroup as group:
            wrong += [f"{operation.label}: {each}" for each in group.exceptions]
        except AssertionError as error:
            wrong.append(f"{operation.label}: {error}")
    assert wrong == [], "\n\n".join(wrong)


def try_it(operation: Any, session: requests.Session, own: list[str], often: int) -> None:
    """As it should be used, and as it should not; with ids of the caller's own now and then."""
    cases = st.one_of(
        operation.as_strategy(GenerationMode.POSITIVE),
        operation.as_strategy(GenerationMode.POSITIVE),
        operation.as_strategy(GenerationMode.NEGATIVE),
    )

    @settings(
        max_examples=often,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, mine=st.sampled_from([None, *own, *own]))
    def run(case: Any, mine: str | None) -> None:
        if mine and "upload_id" in (case.path_parameters or {}):
            case.path_parameters["upload_id"] = mine
        case.call_and_validate(session=session, checks=CHECKS)

    run()


def test_every_refusal_of_the_core_is_in_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs/wire/README.md").read_text()
    for refusal in errors.Refusal.__subclasses__():
        assert f"\n| {refusal.status} | `{refusal.code}` |" in page, refusal
