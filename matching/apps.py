from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _


class MatchingConfig(AppConfig):
    name = "matching"
    verbose_name = _("Duplicates")

    def ready(self) -> None:
        from contacts.duplicates import register_duplicates
        from core.anonymization import register_anonymization_handler
        from events.kinds import register_event_kind
        from matching.asking import WrittenDuplicates
        from matching.checks import check_weights
        from matching.events import DISTINCTION_EVENTS
        from matching.pairs import forget_pairs

        register(check_weights)
        register_duplicates(WrittenDuplicates())
        register_anonymization_handler(forget_pairs)
        register_event_kind(DISTINCTION_EVENTS)
