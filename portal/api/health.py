"""`GET /health`, and `/api/health` for recorders: is this process able to do its work right now?"""

from flask import Blueprint, Response
from sqlalchemy import text

from portal.api.describing import Answer, Description, answer, described
from portal.core.transaction import release
from portal.db import db

blueprint = Blueprint("health", __name__)


class Health(Answer):
    status: str


@blueprint.get("/api/health", endpoint="api_health")
@blueprint.get("/health")
@described(Description("Whether the portal can work", gives={200: Health}, refuses=(507,)))
def health() -> Response:
    """200 as long as the database answers. Redis may be away: uploads are taken in regardless."""
    db.session.execute(text("SELECT 1"))
    release(db.session)
    return answer(Health(status="ok"))
