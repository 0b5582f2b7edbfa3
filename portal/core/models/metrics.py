"""The table of what happened in each hour, as numbers that charts and monitoring read."""

from __future__ import annotations

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.models.tables import Base


class MetricHour(Base):
    """One number of one hour. `hour`: hours since 1970, in UTC; `key`: of what kind, such as a
    source, a storage or an action of the audit log. Values are counts, bytes or seconds.

    Whatever stands here can be counted again, but for what is only sampled (see
    portal/core/metrics/rolling_up.py).
    """

    __tablename__ = "metric_hour"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
