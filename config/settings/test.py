"""Settings of the test suite: real servers, fast password hashes, no static files manifest."""

from kombu import Exchange, Queue

from config.settings.development import *

DATABASES["default"].pop("CONN_MAX_AGE", None)
DATABASES["default"].pop("CONN_HEALTH_CHECKS", None)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns if it is missing
# Tests of limits set their own; the others share one address.
API_RATE = env.str("API_RATE", default="")
LOGIN_RATE = env.str("LOGIN_RATE", default="")
KEY_RATE = env.str("KEY_RATE", default="")
PASSWORD_LINK_RATE = env.str("PASSWORD_LINK_RATE", default="")
# Tests of the second factor require it.
REQUIRE_SECOND_FACTOR = env.bool("REQUIRE_SECOND_FACTOR", default=False)
MAX_UNFINISHED_JOBS = env.int("MAX_UNFINISHED_JOBS", default=0)
# Parallel tests share a broker and must not consume each other's messages.
CELERY_TASK_DEFAULT_QUEUE = env.str("PYTEST_XDIST_WORKER", default="main")
CELERY_TASK_QUEUES = [
    Queue(CELERY_TASK_DEFAULT_QUEUE, Exchange(CELERY_TASK_DEFAULT_QUEUE), routing_key=CELERY_TASK_DEFAULT_QUEUE)
]
CELERY_TASK_ROUTES = {}
ACCESS_LOG_IN_BACKGROUND = False
