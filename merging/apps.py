from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from changerequests.kinds import register_kind
from core.anonymization import register_anonymization_handler
from events.kinds import register_event_kind


class MergingConfig(AppConfig):
    name = "merging"
    verbose_name = _("Merging contacts")

    def ready(self) -> None:
        from merging.events import MERGE_EVENTS
        from merging.kinds import MergeKind, UnmergeKind
        from merging.services.writing import forget_keys_of_merged

        register_kind(MergeKind())
        register_kind(UnmergeKind())
        register_anonymization_handler(forget_keys_of_merged)
        for event_kind in MERGE_EVENTS:
            register_event_kind(event_kind)
