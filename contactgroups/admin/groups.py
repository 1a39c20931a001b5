"""Contact groups in the admin: their members and linked entities. All writes go through the services."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelChoiceField, ModelForm, TypedChoiceField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.actor import Actor
from accounts.admin_actor import (
    CappedAdmin,
    CappedChangeList,
    VisibleToActorAdmin,
    actor_of,
    actor_of_list,
    member_of,
)
from accounts.admin_inputs import PagedFormSet, PagedInline
from accounts.admin_paging import KeyedChangeList, KeyedPaginator
from audit.access.admin import looked_in_admin
from audit.access.models import Way
from changerequests.admin.messages import waiting_message
from changerequests.admin.waiting import AskingAdmin, OpenRequestAdmin
from contactgroups.documents import Entity
from contactgroups.models import ACCESS_POLICIES, CONTACT_GROUP, ContactGroup, EntityType, GroupMembership, LinkedEntity
from contactgroups.permissions import MAY_ADD, MAY_CHANGE, MAY_VIEW
from contactgroups.queries import contacts_shown, linked_counts, search_groups, with_visible_members
from contactgroups.services import Membership, change_group, create_group, delete_group
from contacts.admin.shown_contacts import ShownContactsFormSet, shown_to
from contacts.models import Contact
from schemas.queries import list_data

CONTACTS_SHOWN = 4
LINKS_SHOWN = 20


class _PartInline(PagedInline):
    """Inline of a group. It has no permissions of its own: permission to change the group is enough."""

    extra = 0
    hide_title = True
    per_page: int | None = 50

    def may_change(self, request: HttpRequest, obj: Model | None) -> bool:
        return request.user.has_perm(MAY_ADD if obj is None else MAY_CHANGE)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_VIEW) or self.may_change(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_change(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_change(request, obj)


def _policy_choices(request: HttpRequest) -> list[tuple[Any, Any]]:
    """Return the access policies as choices, the same for all inlines of a page."""
    kept: dict[str, Any] = vars(request)
    if "policy_choices" not in kept:
        items = list_data(ACCESS_POLICIES).sorted_items(get_language() or "")
        kept["policy_choices"] = [("", _("Select value")), *((item.id, item.name()) for item in items)]
    return list(kept["policy_choices"])


class _MembershipInline(_PartInline):
    model = GroupMembership
    fields = ["contact", "access_policy"]

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField | None:
        if db_field.name == "contact":
            contacts = Contact.objects.visible_to(member_of(request)).filter(anonymized_at=None)
            return super().formfield_for_foreignkey(db_field, request, queryset=contacts.defer("details"), **kwargs)
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and db_field.name == "access_policy":
            # Set the choices here, since a queryset would be evaluated for every row.
            field.choices = _policy_choices(request)
        return field


class MembersInline(_MembershipInline):
    """The group's contacts that the member can see. Their policy can be changed, and they can be removed."""

    formset = ShownContactsFormSet
    readonly_fields = ["contact"]
    verbose_name_plural = _("contacts")

    def get_queryset(self, request: HttpRequest) -> QuerySet[GroupMembership]:
        memberships = super().get_queryset(request).visible_to(member_of(request))
        return memberships.select_related("contact", "access_policy").defer("contact__details").order_by("pk")

    def get_formset(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> Any:
        return shown_to(request, super().get_formset(request, obj, **kwargs))

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class NewMembersInline(_MembershipInline):
    """Contacts to add. Separate from MembersInline, where the contact of a membership is read-only."""

    autocomplete_fields = ["contact"]
    verbose_name = _("new contact")
    verbose_name_plural = _("new contacts")
    per_page = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[GroupMembership]:
        return super().get_queryset(request).none()

    def get_formset(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> Any:
        """Require a contact for a new group: without one, only actors that see all contacts would see it."""
        if obj is None:
            kwargs |= {"min_num": 1, "validate_min": True}
        return super().get_formset(request, obj, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_change(request, obj)


class LinkFormSet(PagedFormSet):
    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if form.instance.entity_type == EntityType.LEGAL_ENTITY and "DELETE" in form.fields:
            # A legal entity cannot be unlinked.
            form.fields["DELETE"].disabled = True


class LinkedEntityInline(_PartInline):
    """Linked entities. They can be linked and unlinked, but not edited."""

    model = LinkedEntity
    formset = LinkFormSet
    fields = ["entity_type", "entity_id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LinkedEntity]:
        return super().get_queryset(request).order_by("entity_type", "entity_id")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> TypedChoiceField:
        choices = [(value, label) for value, label in EntityType.choices if value != EntityType.LEGAL_ENTITY]
        return super().formfield_for_choice_field(
            db_field, request, choices=[("", _("Select value")), *choices], **kwargs
        )


class Groups(KeyedChangeList):
    """Load the linked counts and members for all rows of a page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        counts = linked_counts([row.pk for row in rows])
        for row in rows:
            row.linked_count = counts.get(row.pk, 0)
        if rows:
            with_visible_members(rows, actor=member_of(request), limit=CONTACTS_SHOWN + 1)
            looked_in_admin(request, contacts_shown(rows, limit=CONTACTS_SHOWN), way=Way.LISTED)


@admin.register(ContactGroup)
class ContactGroupAdmin(AskingAdmin, OpenRequestAdmin, VisibleToActorAdmin):
    kind = CONTACT_GROUP
    sidebar_icon = "groups"
    list_display = ["label", "external_id", "contact_names", "linked"]
    search_fields = ["name"]
    search_help_text = _("Name, external id, id or a contact")
    ordering = ["-id"]
    sortable_by = ["external_id"]
    paginator = KeyedPaginator
    fields = ["name", "external_id", "custom_attributes"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CappedChangeList]:
        return Groups

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ContactGroup], search_term: str
    ) -> tuple[QuerySet[ContactGroup], bool]:
        actor = actor_of_list(request)
        return (queryset if actor is None else search_groups(queryset, search_term, actor=actor)), False

    @display(description=_("name"))
    def label(self, group: ContactGroup) -> str:
        return str(group)

    @display(description=_("contacts"))
    def contact_names(self, group: Any) -> str:
        names = [str(membership.contact) for membership in group.visible_members]
        return ", ".join([*names[:CONTACTS_SHOWN], *(["…"] if len(names) > CONTACTS_SHOWN else [])])

    @display(description=_("linked entities"))
    def linked(self, group: Any) -> int:
        return group.linked_count

    # ---- permissions

    def has_add_permission(self, request: HttpRequest) -> bool:
        return actor_of(request) is not None and CappedAdmin.has_add_permission(self, request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return CappedAdmin.has_delete_permission(self, request, obj)

    # ---- a group's page

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[type[PagedInline]]:
        own = [] if obj is None else [MembersInline]
        return [*own, NewMembersInline, LinkedEntityInline]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "name":
            kwargs["widget"] = UnfoldAdminTextInputWidget()
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        """Do nothing: `save_related` saves the group together with its contacts."""

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Sequence[Any], change: bool) -> None:
        actor = member_of(request)
        saved: dict[type[Model], list[Any]] = {GroupMembership: [], LinkedEntity: []}
        dropped: dict[type[Model], list[Any]] = {GroupMembership: [], LinkedEntity: []}
        for formset in formsets:
            saved[formset.model] += formset.save(commit=False)
            dropped[formset.model] += formset.deleted_objects
        group = form.instance
        linked, unlinked = _entities(saved[LinkedEntity]), _entities(dropped[LinkedEntity])
        if change:
            texts = {field: form.cleaned_data[field] for field in form.changed_data}
            memberships = _memberships(actor, group, saved[GroupMembership], dropped[GroupMembership])
            waiting = change_group(
                actor=actor, group_id=group.pk, memberships=memberships, linked=linked, unlinked=unlinked, **texts
            )
        else:
            joining = [Membership(row.contact_id, row.access_policy_id) for row in saved[GroupMembership]]
            new = create_group(actor=actor, memberships=joining, linked=linked, **form.cleaned_data)
            group.pk, waiting = new.id, new.change_request
        if waiting is not None:
            self.say_that_it_waits(request, waiting_message(request, waiting.pk))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """List only the group, since the member may not see all its contacts, and the links that block deletion."""
        groups = list(objs)
        links = [str(link) for group in groups for link in group.linked_entities.all()[:LINKS_SHOWN]]
        return [str(group) for group in groups], {str(self.opts.verbose_name_plural): len(groups)}, set(), links

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        waiting = delete_group(actor=member_of(request), group_id=obj.pk)
        if waiting is None:
            super().log_deletions(request, [ContactGroup(pk=obj.pk)])
        else:
            self.say_that_it_waits(request, waiting_message(request, waiting.pk))

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        if self.waits(request):
            return HttpResponseRedirect(reverse("admin:contactgroups_contactgroup_change", args=[obj_id]))
        return super().response_delete(request, obj_display, obj_id)

    # ---- log entries: ids only. A name may be a person's, and would survive deletion and anonymization in the log.

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return super().log_addition(request, ContactGroup(pk=obj.pk), message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return super().log_change(request, ContactGroup(pk=obj.pk), message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Do nothing: Django logs a deletion before it knows whether it waits. `delete_model` logs it."""


def _entities(links: Sequence[LinkedEntity]) -> list[Entity]:
    return [(link.entity_type, link.entity_id) for link in links]


def _memberships(
    actor: Actor, group: ContactGroup, saved: Sequence[GroupMembership], dropped: Sequence[GroupMembership]
) -> list[Membership] | None:
    """Apply the form's changes to the current memberships and return the result; None if it changed none.

    A contact that somebody else has removed since the page was loaded is not added back.
    """
    if not saved and not dropped:
        return None
    members = dict(group.memberships.visible_to(actor).values_list("contact", "access_policy"))
    for row in dropped:
        members.pop(row.contact_id, None)
    members |= {row.contact_id: row.access_policy_id for row in saved if row.pk is None or row.contact_id in members}
    return [Membership(contact_id, policy_id) for contact_id, policy_id in members.items()]
