"""Webhooks as a sort of configuration."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import ClientApplication
from administration.configuration import ConfigurationSort
from events.models import Webhook
from events.queries.feed import Consumer, known_types, last_position
from events.queries.webhooks import SCOPE
from events.sending import check_url

WEBHOOK = "webhook"
MOST_OF_ONE_APPLICATION = 10
# What a subject of configuration is called has so many characters.
MAX_NAME = 200


class WebhookSort(ConfigurationSort):
    key = WEBHOOK
    label = gettext_lazy("Webhook")
    model = Webhook
    columns = {
        "application": "application_id",
        "url": "url",
        "types": "types",
        "isActive": "is_active",
        "isRemoved": "is_removed",
    }
    labels = {
        "application": gettext_lazy("Application"),
        "url": gettext_lazy("URL"),
        "types": gettext_lazy("Types of events"),
        "isActive": gettext_lazy("Active"),
        "isRemoved": gettext_lazy("Removed"),
    }
    title = "url"
    is_title_unique = False

    def called(self, document: Mapping[str, Any]) -> str:
        return str(document["url"])[:MAX_NAME]

    def checked(self, row: Any, target: Mapping[str, Any]) -> dict[str, Any]:
        checked = super().checked(row, {**target, "types": target.get("types") or None})
        if row.pk is None:
            # It begins with what happens from now on.
            row.position = last_position()
        # It can be closed, whatever became of its application and its host.
        if checked["isActive"] and not checked["isRemoved"]:
            _check_application(row)
            check_url(checked["url"])
        unknown = sorted({*(checked["types"] or ())} - set(known_types()))
        if unknown:
            raise ValidationError({"types": [_("There is no event type “%(type)s”.") % {"type": unknown[0]}]})
        return checked


def _check_application(row: Any) -> None:
    application = ClientApplication.objects.filter(pk=row.application_id).first()
    if application is None or SCOPE not in Consumer.of_application(application).scopes:
        raise ValidationError(
            {
                "application_id": [
                    _("The application does not act for itself with the scope %(scope)s.") % {"scope": SCOPE}
                ]
            }
        )
    others = Webhook.objects.filter(application=application, is_removed=False).exclude(pk=row.pk)
    if not row.is_removed and others.count() >= MOST_OF_ONE_APPLICATION:
        raise ValidationError(
            {"application_id": [_("An application has %(most)s webhooks at most.") % {"most": MOST_OF_ONE_APPLICATION}]}
        )
