"""The kinds of change requests for merging two contacts and for undoing that."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from changerequests.document_kinds import DocumentKind
from changerequests.kinds import SubjectView, listed_columns
from changerequests.models import ChangeRequest
from changerequests.policies import Facts, Initiator, KindPolicy, Requirement, profiles
from contacts.kinds.contacts import AboutContacts
from contacts.models import CONTACT_SCHEMA, MERGE, UNMERGE, Contact
from contacts.snapshots import facts_of_contacts
from core.documents import Change
from core.errors import UnprocessableEntity
from merging.documents import DETAILS
from merging.pairs import Pair, pair_of_request
from merging.presenting import PairPresenter
from merging.queries import document_of_pair
from merging.services.merging import apply_merge
from merging.services.separating import apply_unmerge
from schemas.queries import current_schema


class KindOfPairs(AboutContacts, DocumentKind):
    """Requests about two contacts. The survivor is the subject that changes, the other one a subject beside it."""

    profiles = profiles(waits=True)
    subject_template = "admin/merging/includes/reviewed_pair.html"
    history_template = None
    has_subjects_beside = True
    sight = "both contacts"

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        contacts = Contact.objects.filter(pk__in=ids).select_related("type")
        rows: Any = contacts.annotate(document=document_of_pair(self.key)) if with_documents else contacts
        return {
            row.pk: SubjectView(row.pk, row.uid, str(row), row.document if with_documents else {}, row) for row in rows
        }

    def listed(self, ids: Collection[int], *, with_documents: bool) -> QuerySet[Any, Any]:
        contacts = Contact.objects.filter(pk__in=ids)
        if not with_documents:
            return listed_columns(contacts, kind=self.key, document=None)
        return listed_columns(
            contacts.annotate(document=document_of_pair(self.key)), kind=self.key, document="document"
        )

    def lock(self, *, actor: Actor, subject_id: int) -> Pair | None:
        """Lock both contacts; None if the request was closed meanwhile."""
        return pair_of_request(kind=self.key, actor=actor, survivor_id=subject_id)

    def apply(self, *, actor: Actor, subject: Pair, changes: Sequence[Change], request: ChangeRequest) -> None:
        self.make(actor=actor, pair=subject, changes=changes, request=request)

    @abstractmethod
    def make(self, *, actor: Actor, pair: Pair, changes: Sequence[Change], request: ChangeRequest) -> None:
        """Make the approved changes of a locked pair."""

    def document_of(self, subject: Pair) -> Mapping[str, Any]:
        return subject.document

    def amended(self, *, actor: Actor, subject: Pair, document: Mapping[str, Any]) -> Sequence[Change]:
        """Refuse: what is chosen depends on both contacts."""
        raise UnprocessableEntity(
            gettext("What becomes of two contacts cannot be amended. Cancel the request and ask again.")
        )

    def requirement(
        self, *, subject: Pair, paths: Iterable[str], policy: KindPolicy, initiator: Initiator
    ) -> Requirement:
        paths = list(paths)
        facts = self.facts(subject, policy, initiator)
        channels = current_schema(CONTACT_SCHEMA).channel_paths.values()
        # Who logs in gets the link to a new password by email, so nobody changes that alone.
        always = {f"{DETAILS}.{path}" for path in channels if path is not None} if facts.has_login else ()
        return policy.requirement(paths, flagged=(), facts=facts, always=always)

    def facts(self, subject: Pair, policy: KindPolicy, initiator: Initiator) -> Facts:
        """Return what the rules depend on: the survivor's type, and the participants and logins of both."""
        ids = [subject.survivor.pk, subject.loser.pk]
        found = facts_of_contacts(ids, policy, initiator)
        survivor, loser = (found[pk] for pk in ids)
        return Facts(
            survivor.contact_type,
            survivor.participant_ids | loser.participant_ids,
            initiator,
            has_login=survivor.has_login or loser.has_login,
        )

    def check_kept(self, paths: Collection[str], kept: Collection[str]) -> None:
        raise UnprocessableEntity(
            gettext("What becomes of two contacts is approved as a whole. Approve all of it, or return it."),
            sub_code="UnknownPaths",
        )

    def presenter(self) -> PairPresenter:
        return PairPresenter(self.key)


class MergeKind(KindOfPairs):
    """Merging a contact into another one."""

    key = MERGE
    label = _("Merge of contacts")

    def make(self, *, actor: Actor, pair: Pair, changes: Sequence[Change], request: ChangeRequest) -> None:
        apply_merge(actor=actor, pair=pair, changes=changes, request=request)


class UnmergeKind(KindOfPairs):
    """Undoing a merge."""

    key = UNMERGE
    label = _("End of a merge of contacts")

    def make(self, *, actor: Actor, pair: Pair, changes: Sequence[Change], request: ChangeRequest) -> None:
        apply_unmerge(actor=actor, pair=pair, changes=changes, request=request)
