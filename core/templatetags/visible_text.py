"""Filters for text that people decide by: `{% load visible_text %}`."""

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.visible_text import Segment, segments

register = template.Library()


@register.filter
def visible(value: object, ends: str = "start end") -> SafeString:
    """Render a text so that different texts look different, in an element that keeps its direction to itself.

    `ends` names the ends of the value that the text has: spaces there are marked.
    """
    parts = segments(str(value), has_start="start" in ends, has_end="end" in ends)
    return format_html("<bdi>{}</bdi>", format_html_join("", "{}", ((_rendered(part),) for part in parts)))


def _rendered(part: Segment) -> str | SafeString:
    if not part.names:
        return part.text
    # The name is read out, too; what replaces a character without a shape is not.
    shape = format_html('<span aria-hidden="true">{}</span>', part.sign) if part.sign else part.text
    return format_html(
        '<mark class="k-character" title="{0}">{1}<span class="k-unseen"> ({0})</span></mark>', part.names, shape
    )
