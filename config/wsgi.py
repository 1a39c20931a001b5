"""The WSGI entry point of the web server."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

application = get_wsgi_application()

# Imports the views now. Otherwise the first request in each worker would, which takes seconds.
get_resolver().url_patterns  # noqa: B018 - reading it imports them
