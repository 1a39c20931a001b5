"""Form data that a browser would submit for a page, computed without a browser."""

import re
from html.parser import HTMLParser

from django.http import QueryDict

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,3})?)?")


class _Controls(HTMLParser):
    """Collects names and values of the submitted controls in document order, ignoring those in a <template>."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sent: list[tuple[str, str]] = []
        self.templates = 0
        self.select: tuple[str, bool, bool] | None = None
        self.options: list[tuple[str, bool]] = []
        self.textarea: str | None = None
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "template":
            self.templates += 1
        if self.templates:
            return
        name, is_sent = given.get("name") or "", "disabled" not in given and bool(given.get("name"))
        if tag == "input" and is_sent:
            self._input(name, given)
        elif tag == "select":
            self.select, self.options = (name, is_sent, "multiple" in given), []
        elif tag == "option":
            self.options.append((given.get("value") or "", "selected" in given))
        elif tag == "textarea":
            self.textarea, self.text = name if is_sent else "", ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self.templates -= 1
        if self.templates:
            return
        if tag == "select" and self.select is not None:
            name, is_sent, is_multiple = self.select
            chosen = [value for value, is_selected in self.options if is_selected]
            if is_sent and is_multiple:
                self.sent += [(name, value) for value in chosen]
            elif is_sent and self.options:
                self.sent.append((name, [self.options[0][0], *chosen][-1]))
            self.select = None
        elif tag == "textarea" and self.textarea is not None:
            if self.textarea:
                text = self.text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n")
                self.sent.append((self.textarea, text.replace("\n", "\r\n")))
            self.textarea = None

    def handle_data(self, data: str) -> None:
        if self.textarea is not None and not self.templates:
            self.text += data

    def _input(self, name: str, given: dict[str, str | None]) -> None:
        """Apply HTML's value sanitization algorithm."""
        kind, value = given.get("type") or "text", given.get("value") or ""
        if kind in ("checkbox", "radio"):
            if "checked" in given:
                self.sent.append((name, given.get("value") or "on"))
            return
        if kind in ("submit", "button", "file"):
            return
        if kind != "hidden":
            value = re.sub(r"[\r\n]", "", value)
        if kind in ("email", "url"):
            value = value.strip()
        if kind == "date" and not _DATE.fullmatch(value):
            value = ""
        if kind == "datetime-local":
            value = re.sub(r"(:00)(\.0+)?$", "", value) if _MOMENT.fullmatch(value) and value.count(":") > 1 else value
            value = value if not value or _MOMENT.fullmatch(value) else ""
        self.sent.append((name, value))


def sent_by(page: str) -> QueryDict:
    """Return the form data of a page as a mutable QueryDict."""
    controls = _Controls()
    controls.feed(page)
    controls.close()
    data = QueryDict(mutable=True)
    for name, value in controls.sent:
        data.appendlist(name, value)
    return data
