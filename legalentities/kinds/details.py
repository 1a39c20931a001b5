"""The kind of change request for the details of legal entities."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from audit.queries import latest_entries
from changerequests.kinds import SubjectView, listed_columns
from changerequests.policies import Facts, Initiator, KindPolicy, profiles
from contacts.display import shown_changes
from contacts.kinds.details import RECENT_ENTRIES, DetailsKind, DetailsPresenter, planned_changes
from contacts.plans import Snapshot, replaced
from core.documents import Change
from legalentities.models import LEGAL_ENTITY_DETAILS, LEGAL_ENTITY_SCHEMA, LegalEntity
from legalentities.permissions import MAY_CHANGE
from legalentities.queries import facts_of_legal_entity, search_legal_entities
from legalentities.services import LEGAL_ENTITIES
from schemas.queries import current_schema


class LegalEntityKind(DetailsKind):
    """A change of a legal entity's details."""

    key = LEGAL_ENTITY_DETAILS
    label = _("Legal entity")
    subject_label = _("legal entity")
    subject_template = "admin/legalentities/includes/reviewed_legal_entity.html"
    profiles = profiles(waits=True, is_flagged_only=True)
    schema_key = LEGAL_ENTITY_SCHEMA
    repository = LEGAL_ENTITIES

    def visible(self, actor: Actor) -> Q | None:
        seen = LegalEntity.objects.visible_to(actor)
        return Q(subject_id__in=seen.order_by().values("pk")) if seen.query.where else None

    def search(self, term: str) -> QuerySet[Any, Any]:
        return search_legal_entities(LegalEntity.objects.all(), term).order_by().values("pk")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        found = LegalEntity.objects.filter(pk__in=ids)
        rows = found if with_documents else found.defer("details")
        return {
            row.pk: SubjectView(row.pk, row.uid, str(row), row.details if with_documents else {}, row) for row in rows
        }

    def listed(self, ids: Collection[int], *, with_documents: bool) -> QuerySet[Any, Any]:
        document = "details" if with_documents else None
        return listed_columns(LegalEntity.objects.filter(pk__in=ids), kind=self.key, document=document)

    def amended(self, *, actor: Actor, subject: Snapshot, document: Mapping[str, Any]) -> Sequence[Change]:
        return planned_changes(subject, replaced(dict(document)), actor)

    def facts(self, row: Any, policy: KindPolicy, initiator: Initiator) -> Facts:
        return facts_of_legal_entity(row.pk, policy, initiator)

    def presenter(self) -> "LegalEntityPresenter":
        return LegalEntityPresenter(current_schema(self.schema_key))


class LegalEntityPresenter(DetailsPresenter):
    def address(self, subject: SubjectView, *, user: Any) -> str | None:
        if not user.has_perm("legalentities.view_legalentity"):
            return None
        return reverse("admin:legalentities_legalentity_change", args=[subject.id])

    def amend_address(self, subject: SubjectView, *, change_request_id: int, user: Any) -> str | None:
        if not user.has_perm(MAY_CHANGE):
            return None
        return f"{reverse('admin:legalentities_legalentity_edit', args=[subject.id])}?amend={change_request_id}"

    def subject_context(self, subject: SubjectView, *, user: Any) -> dict[str, Any]:
        return {
            "legal_entity": subject.row,
            "may_open": user.has_perm("legalentities.view_legalentity"),
            "created_text": gettext("The legal entity was created."),
            "history": [
                (entry, shown_changes(self._schema, entry.changes))
                for entry in latest_entries(kind=LEGAL_ENTITY_DETAILS, subject_id=subject.id, limit=RECENT_ENTRIES)
            ],
        }
