"""What a request to publish a definition would do to the stored documents, for its review page."""

from dataclasses import dataclass
from typing import Any

from django import template

from changerequests.models import ChangeRequest
from schemas.definition import inspect_definition
from schemas.impact import ShownImpact, shown_impact
from schemas.models import SchemaDraft
from schemas.queries import lists_above

register = template.Library()


@dataclass(frozen=True, slots=True)
class RequestedImpact:
    draft: SchemaDraft
    impact: ShownImpact


@register.simple_tag(takes_context=True)
def requested_impact(context: Any, change_request: ChangeRequest) -> RequestedImpact | None:
    """Return the draft that was checked for a request, and its impact as the viewer may see it."""
    drafts = SchemaDraft.objects.filter(change_request=change_request).select_related("schema")
    draft = drafts.order_by("-created_at").first()
    if draft is None:
        return None
    definition, _value, _faults = inspect_definition(draft.definition_text, lists=lists_above())
    return RequestedImpact(draft, shown_impact(context["request"], draft, definition))
