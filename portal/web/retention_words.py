"""How retention says what it decides: the core's codes as sentences, days as words."""

from __future__ import annotations

from flask import Flask
from flask_babel import LazyString, gettext, lazy_gettext, ngettext

STANDING: dict[str, LazyString] = {
    "held": lazy_gettext("A legal hold stands on it: nothing deletes it."),
    "kept": lazy_gettext("It must be kept: nobody may delete it yet."),
    "no_rule": lazy_gettext("No rule fits it, so retention never deletes it."),
    "never": lazy_gettext("A rule that fits it says that it is never deleted."),
    "not_due": lazy_gettext("Its day has not come."),
    "due": lazy_gettext("It is due: the next run marks it."),
    "grace": lazy_gettext("It is marked, and its time of grace is running."),
    "over": lazy_gettext("Its grace is over: the next run deletes it."),
}
"""By the codes of portal.core.retention.deciding."""

PRESET_NOTES: dict[str, LazyString] = {
    "sac": lazy_gettext("Brazil, Decreto 11.034/2022: calls of customer service, 90 days"),
    "mifid5": lazy_gettext("EU, MiFID II: 5 years"),
    "mifid7": lazy_gettext("EU, MiFID II, if the authority asks: 7 years"),
    "pci": lazy_gettext("PCI DSS: records of access, 1 year"),
    "hipaa": lazy_gettext("US, HIPAA: 6 years"),
    "forever": lazy_gettext("Everything, for ever"),
}


def kept(days: int | None) -> str:
    """How long a rule keeps, in words."""
    if days is None:
        return gettext("for ever")
    return ngettext("%(num)d day", "%(num)d days", days) if days else gettext("no minimum")


def deleted(days: int | None) -> str:
    """When a rule deletes, in words."""
    if days is None:
        return gettext("never")
    return ngettext("after %(num)d day", "after %(num)d days", days)


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(kept_for=kept, deleted_after=deleted)
    app.jinja_env.globals.update(standing_words=STANDING, preset_notes=PRESET_NOTES)
