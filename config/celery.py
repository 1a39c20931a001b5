"""The Celery application: `celery -A config worker` and `celery -A config beat`."""

import os

from celery import Celery

from operations import tasklog

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

__all__ = ["app", "tasklog"]  # importing tasklog connects its signal handlers

app = Celery("kontor", task_cls="operations.queue_tasks:ReconnectingTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
