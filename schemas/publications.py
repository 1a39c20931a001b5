"""What has to follow when a schema is published. The app that owns the documents registers it in its `apps.py`."""

from collections.abc import Callable

from schemas.definition.elements import Definition

# Called in the transaction that publishes, with the version's id and its definition.
PublicationHandler = Callable[[int, Definition], object]

_handlers: dict[str, list[PublicationHandler]] = {}


def register_publication_handler(schema_key: str, handler: PublicationHandler) -> None:
    _handlers.setdefault(schema_key, []).append(handler)


def run_publication_handlers(schema_key: str, version_id: int, definition: Definition) -> None:
    for handler in _handlers.get(schema_key, ()):
        handler(version_id, definition)
