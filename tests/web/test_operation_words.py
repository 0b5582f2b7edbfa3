"""Every kind of job has a name that people read, and can be asked for."""

from jobs.tasks import TASKS
from portal.core.audit import checking
from portal.core.job_list import KINDS
from portal.web.words import JOB_KINDS


def test_every_task_has_a_name_and_a_place_in_the_filter() -> None:
    kinds = {name.rpartition(".")[2] for name in TASKS} - {"verify_audit_nightly"}
    assert kinds | {checking.KIND} == set(KINDS) == set(JOB_KINDS)
