"""`GET /health`, `/api/health` for recorders: does it live? `GET /ready`: does it take uploads?"""

from flask import Blueprint, Response
from sqlalchemy import text

from portal import health as look
from portal.api.describing import Answer, Description, answer, described
from portal.core.transaction import release
from portal.db import db
from portal.storage import stores

blueprint = Blueprint("health", __name__)


class Health(Answer):
    status: str


class Ready(Answer):
    ready: bool
    missing: list[str]


@blueprint.get("/ready")
@described(
    Description("Whether this process takes uploads", gives={200: Ready, 503: Ready}, refuses=())
)
def ready() -> tuple[Response, int]:
    """200 once the database is at this version and staging has room; for load balancers."""
    missing = look.ready(db.session, stores)
    return answer(Ready(ready=not missing, missing=missing)), 503 if missing else 200


@blueprint.get("/api/health", endpoint="api_health")
@blueprint.get("/health")
@described(Description("Whether the portal can work", gives={200: Health}, refuses=(507,)))
def health() -> Response:
    """200 as long as the database answers. Redis may be away: uploads are taken in regardless."""
    db.session.execute(text("SELECT 1"))
    release(db.session)
    return answer(Health(status="ok"))
