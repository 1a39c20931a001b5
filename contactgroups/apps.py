from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from changerequests.kinds import register_kind
from core.anonymization import register_anonymization_handler
from events.kinds import register_event_kind
from schemas.usage_checks import register_usage_check


class ContactGroupsConfig(AppConfig):
    name = "contactgroups"
    verbose_name = _("Contact groups")

    def ready(self) -> None:
        from contactgroups.events import ContactGroupEvents
        from contactgroups.finding import contacts_by_group
        from contactgroups.kinds import ContactGroupKind
        from contactgroups.queries import is_policy_asked_for
        from contactgroups.services import erase_groups
        from contacts.queries.searching import register_finder

        register_kind(ContactGroupKind())
        register_usage_check(is_policy_asked_for)
        register_anonymization_handler(erase_groups)
        register_event_kind(ContactGroupEvents())
        register_finder(contacts_by_group)
