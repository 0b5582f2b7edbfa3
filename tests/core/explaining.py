"""How the database would answer what a piece of code asks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event


@dataclass(frozen=True)
class Plan:
    """A SELECT, and the database's plan for it. `counts`: PostgreSQL goes by the number of rows, so
    that what it does with a few says little."""

    asked: str
    steps: str
    counts: bool


def plans(engine: Engine, act: Callable[[], object]) -> list[Plan]:
    """Those of every SELECT that `act` sends."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, said: str, values: Any, *_: object) -> None:
        if said.startswith("SELECT"):
            asked.append((said, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return [_explained(engine, said, values) for said, values in asked]


def _explained(engine: Engine, said: str, values: Any) -> Plan:
    with engine.connect() as connection:
        counts = connection.dialect.name == "postgresql"
        if counts:  # it would read a small table as a whole
            connection.exec_driver_sql("SET enable_seqscan = off; SET enable_bitmapscan = off")
        how = "EXPLAIN" if counts else "EXPLAIN QUERY PLAN"
        rows = connection.exec_driver_sql(f"{how} {said}", values).all()
        return Plan(said, "\n".join(str(row) for row in rows), counts)
