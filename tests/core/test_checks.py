"""The system checks find what the build has not brought."""

from pathlib import Path

import unfold
from django.core.checks import Tags, run_checks

from core.checks import ALPINE


def test_it_is_an_error_if_alpine_would_be_that_of_unfold(settings):
    """Its expressions need eval, which the content security policy forbids."""
    theirs = Path(unfold.__file__).parent / "static"
    assert (theirs / ALPINE).exists()
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    for places in ([theirs], []):
        settings.STATICFILES_DIRS = places
        assert [message.id for message in run_checks(tags=[Tags.staticfiles])] == ["kontor.E001"]


def test_as_it_is_built_nothing_is_missing():
    assert run_checks(tags=[Tags.staticfiles]) == []
