"""Rules that others begin with. Starting points, no legal advice: the numbers are what is commonly
quoted, and whether they fit is for the house's own lawyers to say."""

from __future__ import annotations

from portal.core.retention.deciding import Rule

YEAR = 365
"""Days; with the leap days of the period on top, so that no year is cut short."""

PRESETS: dict[str, Rule] = {
    # Brazil, Decreto 11.034/2022: calls of the customer service are kept for 90 days.
    "sac": Rule("SAC", source="calls", keep_days=90, delete_days=180),
    # EU, MiFID II article 16(7): five years, and seven if the authority asks for it.
    "mifid5": Rule("MiFID II", keep_days=5 * YEAR + 2, delete_days=5 * YEAR + 2),
    "mifid7": Rule("MiFID II, on request", keep_days=7 * YEAR + 2, delete_days=7 * YEAR + 2),
    # PCI DSS 10.5.1: the trail of a year; card data itself is not to be recorded at all.
    "pci": Rule("PCI DSS, records of access", keep_days=YEAR + 1, delete_days=YEAR + 1),
    # US, 45 CFR 164.316(b)(2): documentation is kept for six years.
    "hipaa": Rule("HIPAA", keep_days=6 * YEAR + 2, delete_days=6 * YEAR + 2),
    "forever": Rule("For ever", keep_days=None, delete_days=None),
}
