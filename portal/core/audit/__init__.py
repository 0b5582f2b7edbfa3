"""The audit log: who did what to which thing, written in the transaction of the act itself.

Whoever acts needs what stands here. Reading, sealing, verifying and exporting have modules of their
own beside it; portal/core/chain.py is what they all rest on.
"""

from portal.core.audit.acts import (
    SYSTEM,
    Actor,
    changed,
    denied,
    record,
    record_alone,
)

__all__ = ["SYSTEM", "Actor", "changed", "denied", "record", "record_alone"]
