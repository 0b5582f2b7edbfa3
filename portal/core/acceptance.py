"""Whether content is what the client said, and of a kind that was agreed on."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from portal.core.content import OTHERS, TYPES, Facts, Findings, other_facts
from portal.core.limits import Terms

# Other names for the same thing, as browsers and recorders write them.
ALIASES = {
    "audio/aacp": "audio/aac",
    "audio/x-aac": "audio/aac",
    "audio/x-hx-aac-adts": "audio/aac",
    "audio/mp3": "audio/mpeg",
    "audio/m4a": "audio/mp4",
    "audio/x-m4a": "audio/mp4",
    "audio/opus": "audio/ogg",
    "audio/vorbis": "audio/ogg",
    "application/ogg": "audio/ogg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/x-flac": "audio/flac",
    "image/jpg": "image/jpeg",
    "image/heic": "image/heif",
    "video/avi": "video/x-msvideo",
    "video/x-m4v": "video/mp4",
    "video/mpegts": "video/mp2t",
}
# Of one container, which of its names a client uses says little.
FAMILIES = (
    {"video/mp4", "audio/mp4", "video/quicktime", "video/3gpp", "audio/3gpp"},
    {"video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska"},
    {"video/ogg", "audio/ogg"},
)
KNOWN = {name for names in TYPES.values() for name in names} | set(OTHERS)


@dataclass(frozen=True)
class Verdict:
    """`code` and `sentence` say why the content is quarantined; None if it is fine."""

    facts: Facts | None
    code: str | None = None
    sentence: str | None = None


def judge(terms: Terms, findings: Findings) -> Verdict:
    """What the findings mean for an upload that was begun on these terms."""
    if not findings.conclusive:
        return Verdict(None, "not_examined", findings.refusal)
    facts = findings.facts or _other(terms, findings)
    if facts is None:
        return Verdict(None, "not_media", findings.refusal)
    if not accepted(terms.accepts, facts.content_type):
        return Verdict(facts, "not_accepted", _refusal(terms, facts.content_type))
    if not agrees(terms.declared_type, facts.content_type):
        said = f"The content is {facts.content_type}, not {terms.declared_type} as was said."
        return Verdict(facts, "not_as_declared", said)
    if terms.longest_ms is not None and (facts.duration_ms or 0) > terms.longest_ms:
        most = f"It plays for more than {terms.longest_ms / 60_000:g} minutes."
        return Verdict(facts, "too_long", most)
    return Verdict(facts)


def _other(terms: Terms, findings: Findings) -> Facts | None:
    """Facts of a picture or document, where the terms go beyond recordings."""
    facts = other_facts(findings.looks_like)
    return facts if accepted(terms.accepts, facts.content_type) else None


def _refusal(terms: Terms, found: str) -> str:
    return f"The content is {found}; accepted here is only {', '.join(terms.accepts)}."


def accepted(patterns: tuple[str, ...], content_type: str) -> bool:
    return any(fnmatchcase(content_type, pattern) for pattern in patterns)


def normal(content_type: str) -> str:
    """The name that we use for this media type, without its parameters."""
    bare = content_type.partition(";")[0].strip().lower()
    return ALIASES.get(bare, bare)


def agrees(declared: str | None, found: str) -> bool:
    """Whether content of the type `found` may be called `declared`. A claim that we do not know
    is no claim."""
    said = normal(declared or "")
    if said not in KNOWN or said == found:
        return True
    return any({said, found} <= family for family in FAMILIES)
