"""Background tasks of audit."""

import structlog
from celery import shared_task
from django.conf import settings

from audit.access.partitions import drop_old_partitions, make_partitions, may_drop

log = structlog.get_logger("kontor.access")


@shared_task
def keep_access_log() -> None:
    """Make the access log's partitions of the next months, and drop those beyond retention if this role may.

    Beat runs this every hour. Where another role owns the tables, it runs `manage.py access_log --drop-old`.
    """
    made = make_partitions()
    dropped = drop_old_partitions(months=settings.ACCESS_LOG_MONTHS) if may_drop() else []
    if made or dropped:
        log.info("access_log_kept", made=made, dropped=dropped)
