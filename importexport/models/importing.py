"""Imports: uploaded files, the syncs that import them, and their failures."""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ClientApplication, Member
from changerequests.models import ChangeRequest
from core.jobs import UNFINISHED
from importexport.models.job import ONE_REQUESTER, Job
from schemas.models import SchemaVersion

# The code of a sync that failed because of a file. Its message names the file.
FILE_UNAVAILABLE = "FileUnavailable"


class ImportKind(models.TextChoices):
    CONTACTS = "contacts", _("Contacts")
    LEGAL_ENTITIES = "legal-entities", _("Legal entities")


class ImportStatus(models.TextChoices):
    """The API contract also defines `Unknown`, which is never used."""

    PENDING = "Pending", _("Pending")
    RUNNING = "Running", _("Running")
    COMPLETED = "Completed", _("Completed")
    COMPLETED_WITH_ERRORS = "CompletedWithErrors", _("Completed with errors")
    FAILED = "Failed", _("Failed")


class DuplicateMode(models.TextChoices):
    """What becomes of an entry that is probably the same person as a contact that the importer sees."""

    IGNORE = "ignore", _("Import them")
    REPORT = "report", _("Import and report them")
    REFUSE = "refuse", _("Refuse them")


class ImportJob(Job):
    """A sync: an ordered list of files and the progress through them.

    `file_index` and `entry_index` are the cursor: the first unprocessed entry. The cursor, the counts and the failures
    are saved in the transaction that writes the entries, so a crashed worker neither repeats nor skips any.
    `awaiting_approval` counts the entries that wait: as rows of WaitingEntry while the sync runs, in `change_requests`
    once it has ended. There are several of these if it failed and was resumed. `is_of_operator`: somebody runs it as a
    command, and what is sensitive waits as in a member's. `stalls` counts the runs since the last committed batch; only
    these count towards the maximum number of attempts.
    """

    kind = models.CharField(_("kind"), max_length=20, choices=ImportKind)
    status = models.CharField(_("status"), max_length=20, choices=ImportStatus, default=ImportStatus.PENDING)
    is_dry_run = models.BooleanField(_("dry run"), default=False)
    is_of_operator = models.BooleanField(default=False, db_default=False)
    duplicates = models.CharField(
        _("probable duplicates"),
        max_length=10,
        choices=DuplicateMode,
        default=DuplicateMode.IGNORE,
        db_default=DuplicateMode.IGNORE,
    )
    file_ids = ArrayField(models.IntegerField())
    file_index = models.PositiveIntegerField(default=0)
    entry_index = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(_("entries that created"), default=0)
    updated = models.PositiveIntegerField(_("entries that updated"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged entries"), default=0)
    failed = models.PositiveIntegerField(_("failed entries"), default=0)
    awaiting_approval = models.PositiveIntegerField(_("entries pending approval"), default=0, db_default=0)
    change_requests = models.ManyToManyField(ChangeRequest, related_name="+", verbose_name=_("change requests"))
    stalls = models.PositiveSmallIntegerField(default=0)
    schema_version = models.ForeignKey(
        SchemaVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("schema")
    )

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(condition=ONE_REQUESTER, name="import_job_has_one_requester"),
            models.CheckConstraint(
                condition=Q(
                    processed=F("created") + F("updated") + F("unchanged") + F("failed") + F("awaiting_approval")
                ),
                name="import_job_outcomes_add_up",
            ),
            models.CheckConstraint(condition=Q(processed__lte=F("total")), name="import_job_within_total"),
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(status__in=UNFINISHED), name="import_job_unfinished"),
            models.Index(fields=["requested_by_member", "created_at"], name="import_job_of_member"),
        ]

    @property
    def tries(self) -> int:
        return self.stalls

    @classmethod
    def lost_after(cls) -> timedelta:
        return timedelta(seconds=settings.IMPORT_LOST_AFTER_SECONDS)


class ImportFile(models.Model):
    """An uploaded file, with the results of the checks at upload.

    `name` is its name in the storage, `original_name` what the uploader calls it. Once the file is gone, the
    anonymization of any contact erases that. Names of earlier versions have it after NAMELESS characters. `job` is the
    sync that imports it; dry runs do not set it. The file is deleted from the storage when that sync completes;
    `is_stored` is False from then on.
    """

    NAMELESS = len("imports/") + 32

    owner_member = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    owner_application = models.ForeignKey(
        ClientApplication, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    owner_system = models.CharField(max_length=50, blank=True)
    kind = models.CharField(_("kind"), max_length=20, choices=ImportKind)
    name = models.CharField(_("name in the storage"), max_length=200, unique=True)
    original_name = models.CharField(_("name"), max_length=200)
    size = models.BigIntegerField(_("size"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    entries = models.PositiveIntegerField(_("entries"))
    is_lines = models.BooleanField(_("one entry per line"))
    is_stored = models.BooleanField(default=True)
    uploaded_at = models.DateTimeField(_("uploaded"), default=timezone.now)
    job = models.ForeignKey(
        ImportJob, on_delete=models.PROTECT, null=True, blank=True, related_name="files", verbose_name=_("import")
    )

    class Meta:
        verbose_name = _("import file")
        verbose_name_plural = _("import files")
        ordering = ["id"]
        indexes = [models.Index(fields=["uploaded_at"], condition=Q(is_stored=True), name="import_file_stored")]

    def __str__(self) -> str:
        return self.original_name or self.nameless

    @property
    def nameless(self) -> str:
        """The name in the storage without what the uploader called it."""
        return self.name[: self.NAMELESS]


class ImportFailure(models.Model):
    """A fault of an entry. `position` is the entry's line, or its number in the array, counted from 1.

    With `is_notice`, the entry was imported: it is probably the same person as another contact.
    """

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="failures")
    file = models.ForeignKey(ImportFile, on_delete=models.CASCADE, related_name="+", db_index=False)
    position = models.PositiveIntegerField(_("position"))
    external_id = models.TextField(_("external id"), null=True, blank=True, db_index=True)
    path = models.TextField(_("path"), null=True, blank=True)
    message = models.TextField(_("message"))
    is_notice = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name = _("failure")
        verbose_name_plural = _("failures")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.job_id} {self.position}"


class ImportKey(models.Model):
    """Hash of the external id of an entry in a file; used to find entries that a later one supersedes."""

    pk = models.CompositePrimaryKey("file_id", "number")
    file = models.ForeignKey(ImportFile, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveIntegerField()
    key = models.UUIDField()

    def __str__(self) -> str:
        return f"{self.file_id} {self.number}"


class SupersededEntry(models.Model):
    """An entry of a sync that is superseded by a later entry with the same external id."""

    pk = models.CompositePrimaryKey("job_id", "file_index", "number")
    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="+", db_index=False)
    file_index = models.PositiveIntegerField()
    number = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.job_id} {self.file_index} {self.number}"


class WaitingEntry(models.Model):
    """What must be approved of an entry of a sync, until the sync has ended and opened a request for all of a kind.

    An entry has a row for each kind of change request that it needs. `changes` are those of a Proposal, and `stages`
    those that they need. `is_erased`: the contact was anonymized. The version before wrote no `kind`, only whether the
    subject does not exist yet.
    """

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="waiting_entries")
    file = models.ForeignKey(ImportFile, on_delete=models.CASCADE, related_name="+", db_index=False)
    position = models.PositiveIntegerField()
    external_id = models.TextField(null=True, blank=True)
    kind = models.CharField(max_length=40, default="", db_default="")
    subject_id = models.IntegerField(db_index=True)
    is_creation = models.BooleanField(default=False, db_default=False)
    changes = models.JSONField()
    stages = models.JSONField()
    is_erased = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.job_id} {self.position}"
