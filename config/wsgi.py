"""The WSGI entry point of the web server."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

application = get_wsgi_application()

# Django imports the views at the first request, which would then take seconds, in each worker anew.
get_resolver().url_patterns  # noqa: B018 - reading it imports them
