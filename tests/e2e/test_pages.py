"""Every page, in every look: nothing sticks out of its screen, and axe finds nothing."""

from __future__ import annotations

import re

from tests.conftest import Tus
from tests.e2e.filling import fill_the_account, fill_the_log, fill_the_uploads
from tests.e2e.looking import Look, OpenPage, Picture, in_every_look, look_at

PAGES = (
    "/login",
    "/recordings",
    "/uploads",
    "/recordings/{video}",
    "/recordings/{audio}",
    "/recordings/{audio}?tab=access",
    "/recordings/{audio}?tab=history",
    "/recordings/{audio}?tab=integrity",
    "/recordings/{audio}?tab=metadata",
    "/recordings/{audio}/record",
    "/integrity",
    "/audit?actor=olga.ferreira@example.org&from=2026-01-01T00:00",
    "/audit",
    "/audit/chain",
    "/account",
    "/404",
)


@in_every_look
def test_acceptance_19_every_page_is_accessible_and_fits_its_screen(
    open_page: OpenPage, uploaded: dict[str, str], tus: Tus, picture: Picture, look: Look
) -> None:
    fill_the_uploads(tus)
    fill_the_log(tus.portal)
    look_at(open_page(role=None, **look.window), "/login", f"login-{look}", picture)
    page = open_page(**look.window)
    fill_the_account(page)
    for address in PAGES[1:]:
        target = address.format(
            video=uploaded["rdp-finance-server-2026.mp4"], audio=uploaded["call-support-4711.aac"]
        )
        look_at(page, target, f"{named(address)}-{look}", picture)


def named(address: str) -> str:
    """What the pictures of this page are called."""
    name = address.strip("/").replace("recordings/{", "recording-").replace("}", "")
    name = name.replace("?tab=", "-").replace("/record", "-record")
    return re.sub(r"[/?].*", "-chain" if "chain" in name else "-filtered", name)
