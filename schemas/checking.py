"""Checking stored documents against a draft: which rules they violate, how many do, and examples.

Validation is that of `CompiledSchema`, as in `manage.py check_details`. Memory is bounded by one batch of documents and
the number of rules. The draft's row is updated after every batch, so that another worker can resume a lost check.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, connection
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from core.errors import ApiError
from core.jobs import MAX_ATTEMPTS, JobLease, JobLeaseLostError
from schemas.compiled import CompiledSchema
from schemas.document_sources import StoredDocuments, batches, documents_of
from schemas.models import CheckStatus, SchemaDraft
from schemas.queries import draft_schema, schema_at

log = structlog.get_logger("kontor.schemas")

# Violations of further rules are counted together as "Other faults": nobody reads a longer list.
MAX_RULES = 200
MAX_EXAMPLES = 5


@dataclass(slots=True)
class BrokenRule:
    """A violated rule: number of documents, number of those valid under the base, ids of examples the owner can see."""

    path: str
    message: str
    count: int = 0
    newly: int = 0
    examples: list[int] = field(default_factory=list)


class Impact:
    """Running totals of a draft's check, initialized from its row so that a check can resume."""

    def __init__(self, draft: SchemaDraft, schema: CompiledSchema, base: CompiledSchema) -> None:
        self._schema, self._base = schema, base
        self._owner_id = draft.created_by_id
        self.rules = {(rule["path"], rule["message"]): BrokenRule(**rule) for rule in draft.rules}
        self.processed, self.violating, self.newly_violating = draft.processed, draft.violating, draft.newly_violating

    def add(self, batch: Iterable[tuple[int, Any]], store: StoredDocuments) -> None:
        wanted: dict[int, list[BrokenRule]] = {}
        for identity, details in batch:
            self.processed += 1
            broken = self._schema.rules_broken_by_stored(details)
            if not broken:
                continue
            is_new = not self._base.faults_of_stored(details)
            self.violating += 1
            self.newly_violating += is_new
            for key in broken:
                rule = self._rule(*key)
                rule.count += 1
                rule.newly += is_new
                if len(rule.examples) < MAX_EXAMPLES:
                    wanted.setdefault(identity, []).append(rule)
        if wanted:
            self._choose_examples(wanted, store)

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rules, the most frequently violated first."""
        return [asdict(rule) for rule in sorted(self.rules.values(), key=lambda rule: (-rule.count, rule.path))]

    def _rule(self, path: str, message: str) -> BrokenRule:
        if (path, message) not in self.rules and len(self.rules) >= MAX_RULES:
            path, message = "", _("Other faults")
        return self.rules.setdefault((path, message), BrokenRule(path, message))

    def _choose_examples(self, wanted: dict[int, list[BrokenRule]], store: StoredDocuments) -> None:
        visible = store.visible_to_user(self._owner_id).filter(pk__in=wanted.keys())
        for identity in visible.order_by("pk").values_list("pk", flat=True):
            for rule in wanted[identity]:
                if len(rule.examples) < MAX_EXAMPLES:
                    rule.examples.append(identity)


def run_check(draft_id: UUID) -> None:
    """Run the check of a draft that is pending or whose worker was lost; otherwise do nothing.

    Idempotent, so the task may be delivered twice. A failed check does not raise: the row records the error.
    """
    lease = JobLease.claim(SchemaDraft.objects.select_related("schema"), draft_id)
    if lease is None:
        return
    with translation.override(lease.job.language):
        try:
            if lease.is_exhausted:
                raise ApiError(_("The check was started %(times)s times and never finished.") % {"times": MAX_ATTEMPTS})
            _check(lease)
        except JobLeaseLostError:
            log.warning("schema_check_lost", draft=str(draft_id))
        except Exception as error:
            if isinstance(error, DatabaseError):
                connection.close_if_unusable_or_obsolete()
            if not isinstance(error, ApiError):
                log.exception("schema_check_failed", draft=str(draft_id), exc_info=error)
            lease.fail(error_message=_reason(error))


def _check(lease: JobLease[SchemaDraft]) -> None:
    """Raises JobLeaseLostError."""
    draft = lease.job
    key = draft.schema.key
    schema = draft_schema(key=key, definition_text=draft.definition_text)
    impact = Impact(draft, schema, schema_at(draft.base_id))
    store = documents_of(key)
    if store is not None:
        for batch in batches(store.rows, after=draft.last_id):
            impact.add(batch, store)
            lease.write(last_id=batch[-1][0], **_columns(impact))
    lease.write(
        status=CheckStatus.COMPLETED,
        finished_at=timezone.now(),
        **_columns(impact) | {"total": impact.processed},
    )


def _columns(impact: Impact) -> dict[str, Any]:
    return {
        "processed": impact.processed,
        "violating": impact.violating,
        "newly_violating": impact.newly_violating,
        "rules": impact.as_json(),
    }


def _reason(error: Exception) -> str:
    if isinstance(error, ApiError):
        faults = [text for texts in (error.properties or {}).values() for text in texts]
        return " ".join(str(text) for text in [error, *faults[:5]])
    if isinstance(error, DatabaseError):
        return _("The database stopped responding. Check again.")
    return str(ApiError.default_message)
