"""The parts of the examination, in the order of their dependencies."""

from collections.abc import Callable, Iterator, Mapping

from django.conf import settings
from django.core import checks

from operations.doctor import access_log, database, people, services, texts, webhooks
from operations.doctor.findings import Finding, error, ok, warning


def examine_settings() -> Iterator[Finding]:
    """Run Django's system checks; in production, also its deployment checks."""
    messages = []
    for check in checks.registry.registry.get_checks(include_deployment_checks=not settings.EMBEDDED):
        # Checks of the API document are for developers and take seconds.
        if not check.__module__.startswith("drf_spectacular"):
            messages += [message for message in check(app_configs=None, databases=None) if not message.is_silenced()]
    for message in messages:
        make = error if message.level >= checks.ERROR else warning
        yield make(f"{message.id}: {message.msg}", message.hint or "See Django's documentation of this check.")
    if settings.EMBEDDED:
        yield ok("the embedded servers are used, which are for trials and not for production")
    elif not messages:
        yield ok("fit for production")
    if settings.DEBUG:
        yield error("DEBUG is on: errors show the inside to everybody", "Unset DEBUG.")
    if 0 < len(settings.METRICS_TOKEN) < 20:
        yield warning("METRICS_TOKEN is short", "Make a long one: openssl rand -hex 32")


EXAMINATIONS: Mapping[str, Callable[[], Iterator[Finding]]] = {
    "settings": examine_settings,
    "database": database.examine_database,
    "replica": database.examine_replica,
    "migrations": database.examine_migrations,
    "access log": access_log.examine_access_log,
    "people": people.examine_people,
    "texts": texts.examine_texts,
    "queue": services.examine_queue,
    "workers": services.examine_workers,
    "storage": services.examine_storage,
    "mail": services.examine_mail,
    "webhooks": webhooks.examine_webhooks,
    "static files": services.examine_static_files,
}


def examine() -> Iterator[tuple[str, Finding]]:
    """Yield each finding with its part. An unexpected failure of one part does not stop the others."""
    for part, examination in EXAMINATIONS.items():
        try:
            for finding in examination():
                yield part, finding
        except Exception as problem:
            yield part, error(f"Could not be examined: {type(problem).__name__}: {problem}", "Report this as a fault.")
