"""The forms about accounts and tokens, and what people write in them as the core wants it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, Field, SelectField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, Length, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from portal.core import scopes, tokens
from portal.core.accounts import clean_email
from portal.core.errors import InvalidRequest
from portal.core.models import User
from portal.core.roles import ROLE_MAY, SCOPED
from portal.core.scopes import ALL, Scope, of_words
from portal.core.tokens import NewToken
from portal.core.transaction import utc_now
from portal.parsing import plain
from portal.web.show import ROLES, SOURCES

MOST_NAMES = 50
MOST_LEADS = 20
SCOPE_NAMES = {
    "upload": lazy_gettext("Send recordings"),
    "read": lazy_gettext("Find recordings and get their bytes"),
    "delete": lazy_gettext("Delete recordings"),
    "admin": lazy_gettext("Read the history and the audit log"),
}
LIFETIMES = [
    ("30", lazy_gettext("30 days")),
    ("90", lazy_gettext("90 days")),
    ("365", lazy_gettext("1 year")),
    ("", lazy_gettext("It does not expire")),
]


class Checkboxes(SelectMultipleField):  # type: ignore[misc]
    """Several out of a few, each with a box of its own."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def split(field: Field) -> list[str]:
    """What stands between the commas of a field."""
    return [each.strip() for each in (field.data or "").split(",") if each.strip()]


def _check_names(field: Field, most: int, sentence: str) -> None:
    named = split(field)
    if len(named) > most or not all(len(each) <= 255 and plain(each) for each in named):
        raise ValidationError(sentence)


class ScopeForm(FlaskForm):  # type: ignore[misc]
    """Which recordings an account reaches; it counts for the roles that have a scope."""

    everything = BooleanField(lazy_gettext("All recordings"))
    sources = Checkboxes(lazy_gettext("Sources"), choices=list(SOURCES.items()))
    departments = StringField(lazy_gettext("Departments"))
    tags = StringField(lazy_gettext("Tags"))

    @classmethod
    def of(cls, user: User) -> ScopeForm:
        """The form as it stands for this account."""
        scope: Scope = of_words(user.scope)
        return cls(
            formdata=None,
            everything=scope.everything,
            sources=sorted(scope.sources),
            departments=", ".join(sorted(scope.departments)),
            tags=", ".join(sorted(scope.tags)),
        )

    def validate_departments(self, field: StringField) -> None:
        self._check(field)

    def validate_tags(self, field: StringField) -> None:
        self._check(field)

    def _check(self, field: StringField) -> None:
        sentence = gettext("Write up to 50 names of at most 64 characters, with commas in between.")
        _check_names(field, MOST_NAMES, sentence)
        try:
            scopes.words(tags=split(field))
        except InvalidRequest as refusal:
            raise ValidationError(sentence) from refusal

    def words(self) -> list[str]:
        """The scope as the core keeps it."""
        if self.everything.data:
            return [ALL]
        return scopes.words(self.sources.data or (), split(self.tags), split(self.departments))


class PersonForm(ScopeForm):
    """A new account."""

    email = EmailField(
        lazy_gettext("E-mail"), [DataRequired(lazy_gettext("Enter an e-mail address."))]
    )
    role = SelectField(lazy_gettext("Role"), choices=[(each, ROLES[each]) for each in ROLE_MAY])

    def validate_email(self, field: EmailField) -> None:
        try:
            clean_email(field.data)
        except InvalidRequest as refusal:
            sentence = gettext("This is no e-mail address; write it as name@example.org.")
            raise ValidationError(sentence) from refusal

    def scope(self) -> list[str]:
        return self.words() if self.role.data in SCOPED else []


class TokenForm(FlaskForm):  # type: ignore[misc]
    """A new token for somebody with this role."""

    label = StringField(
        lazy_gettext("What it is for"),
        [
            DataRequired(lazy_gettext("Give it a name, so that you know it again.")),
            Length(max=100, message=lazy_gettext("Use 100 characters at most.")),
        ],
    )
    scopes = Checkboxes(
        lazy_gettext("What it may do"), [DataRequired(lazy_gettext("Choose at least one."))]
    )
    leads = StringField(lazy_gettext("Leads whose calls it may touch"))
    sources = Checkboxes(lazy_gettext("Sources"), choices=list(SOURCES.items()))
    networks = StringField(lazy_gettext("Addresses that it works from"))
    days = SelectField(lazy_gettext("Expires after"), choices=LIFETIMES, default="90")

    def __init__(self, role: str, **options: Any) -> None:
        super().__init__(**options)
        useful = [each for each in tokens.SCOPES if tokens.rights_of(role, [each])]
        self.scopes.choices = [(each, SCOPE_NAMES[each]) for each in useful]

    def validate_label(self, field: StringField) -> None:
        if not plain(field.data):
            raise ValidationError(gettext("Use letters, digits and signs only."))

    def validate_leads(self, field: StringField) -> None:
        _check_names(field, MOST_LEADS, gettext("Write up to 20 leads, with commas in between."))

    def validate_networks(self, field: StringField) -> None:
        try:
            tokens.networks_of(field.data or "")
        except InvalidRequest as refusal:
            sentence = gettext("Write addresses such as 192.0.2.7 or 192.0.2.0/24.")
            raise ValidationError(sentence) from refusal

    def wanted(self) -> NewToken:
        days = int(self.days.data or 0)
        return NewToken(
            self.scopes.data,
            utc_now() + timedelta(days=days) if days else None,
            split(self.leads),
            scopes.words(self.sources.data) if self.sources.data else (ALL,),
            self.label.data,
            tokens.networks_of(self.networks.data or ""),
        )
