from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _


class MatchingConfig(AppConfig):
    name = "matching"
    verbose_name = _("Duplicates")

    def ready(self) -> None:
        from contacts.duplicates import register_duplicates
        from matching.checks import check_weights
        from matching.creation import CreationDuplicates

        register(check_weights)
        register_duplicates(CreationDuplicates())
