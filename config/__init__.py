import gc

# Starting makes objects by the hundred thousand, next to none of which become garbage: by default the collector looks
# through them 450 times. Before the other imports, for most are made by these. Web workers set their own threshold.
gc.set_threshold(20_000, *gc.get_threshold()[1:])

from config.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
