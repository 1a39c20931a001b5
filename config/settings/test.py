"""Settings of the test suite: the real servers, cheap password hashes, no manifest of static files."""

from config.settings.development import *

DATABASES["default"].pop("CONN_MAX_AGE", None)
DATABASES["default"].pop("CONN_HEALTH_CHECKS", None)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns of a missing one
# The tests of limits set them; all others are many callers at one address.
API_RATE = env.str("API_RATE", default="")
LOGIN_RATE = env.str("LOGIN_RATE", default="")
MAX_UNFINISHED_JOBS = env.int("MAX_UNFINISHED_JOBS", default=0)
# Tests at the same time share a broker, and no test may take another's messages.
CELERY_TASK_DEFAULT_QUEUE = env.str("PYTEST_XDIST_WORKER", default="main")
