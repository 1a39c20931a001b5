"""The tables of the access log. docs/access-log.md says what is recorded."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.access import triggers


class Way(models.IntegerChoices):
    """How a contact was shown."""

    READ = 1, _("read")
    LISTED = 2, _("in a list")
    EXPORTED = 3, _("exported")
    REVIEWED = 4, _("on a review page")
    AUDITED = 5, _("in the access log")


class Door(models.IntegerChoices):
    """Where it was shown."""

    API = 1, _("API")
    GRAPHQL = 2, _("GraphQL")
    ADMIN = 3, _("Admin")
    EXPORT = 4, _("Export")
    COMMAND = 5, _("Command")


class Looker(models.IntegerChoices):
    """Kinds of actors, as the log stores them."""

    APP = 1, _("application")
    MEMBER = 2, _("member")
    CONTACT = 3, _("contact")
    SYSTEM = 4, _("system")


class AccessProcess(models.Model):
    """A process that records who looked: when it began, until when all it recorded is in the log, and when it ended.

    A process without an end that has written nothing for a while was killed, or cannot reach the database: what it
    recorded after `written_until` is missing. Times are those of the process's host, like those of what it recorded.
    """

    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    program = models.CharField(max_length=50)
    began_at = models.DateTimeField()
    written_until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["began_at"], condition=models.Q(ended_at=None), name="access_process_running")]
        triggers = triggers.OF_PROCESSES

    def __str__(self) -> str:
        return f"{self.program} {self.host}:{self.pid}"


class AccessLoss(models.Model):
    """That a process had to drop so many rows of this time, because it could write none for too long."""

    process = models.ForeignKey(AccessProcess, on_delete=models.PROTECT, related_name="losses")
    since = models.DateTimeField()
    until = models.DateTimeField()
    rows = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["since"], name="access_loss_by_time")]
        triggers = triggers.OF_LOSSES

    def __str__(self) -> str:
        return f"{self.rows} rows"


class Access(models.Model):
    """That an actor was shown a contact. A list that shows many has a row for each.

    `actor_id` is an id of its kind, 0 for the system, which `system` names. `application_id` is the application through
    which a member or contact called. Columns are ids without foreign keys: rows are many and written apart from the
    request's transaction. The table is partitioned by the month of `at`: see `partitions`.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    contact_id = models.IntegerField()
    actor_kind = models.SmallIntegerField(choices=Looker.choices)
    actor_id = models.IntegerField()
    application_id = models.IntegerField(null=True)
    process_id = models.IntegerField(null=True)
    way = models.SmallIntegerField(choices=Way.choices)
    door = models.SmallIntegerField(choices=Door.choices)
    system = models.CharField(max_length=50, blank=True)
    correlation_id = models.CharField(max_length=128)

    class Meta:
        verbose_name = _("access")
        verbose_name_plural = _("who looked")
        ordering = ["-at", "-id"]
        default_permissions = ("view",)
        # Each serves a question, and the primary key, which is (at, id), the days without one.
        indexes = [
            models.Index(fields=["contact_id", "at"], name="access_by_contact"),
            models.Index(fields=["actor_kind", "actor_id", "at", "id"], name="access_by_actor"),
            # Who exported, decided or audited: few of the rows of somebody who reads all day.
            models.Index(
                fields=["way", "actor_kind", "actor_id", "at", "id"],
                condition=models.Q(way__gte=3),
                name="access_by_rare_way",
            ),
        ]
        triggers = triggers.OF_ACCESSES

    def __str__(self) -> str:
        return f"#{self.pk}"
