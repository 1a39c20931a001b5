"""Settings of every process, read from the environment.

With DATABASE_URL or REDIS_URL unset the embedded profile is on: servers from wheels under `var/`, a generated
secret key, plain HTTP on loopback, the commands of `devstack`. With both set nothing is assumed and nothing of
`devstack` is imported: SECRET_KEY and ALLOWED_HOSTS are required.
"""

import environ
from django.utils.translation import gettext_lazy as _
from kombu import Exchange, Queue

from config.settings.admin_site import *
from config.settings.databases import database_config
from config.settings.environment import EMBEDDED, ROOT, VAR_DIR, WEEKDAYS, embedded_servers, env, s3_config, weekdays
from config.settings.openapi import *
from config.settings.proof import *
from config.settings.security import *
from config.settings.single_sign_on import *
from core.logging import default_form, default_level, logging_config
from core.valkey import broker, cache_options

DEBUG = EMBEDDED and env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="" if EMBEDDED else environ.Env.NOTSET)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
_database_url = env.str("DATABASE_URL", default="")
REDIS_URL = env.str("REDIS_URL", default="")
if EMBEDDED:
    _embedded = embedded_servers()
    SECRET_KEY = SECRET_KEY or _embedded.secret_key(VAR_DIR)
    _database_url = _database_url or _embedded.database_url(VAR_DIR)
    REDIS_URL = REDIS_URL or _embedded.redis_url(VAR_DIR)
_loopback = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=_loopback if EMBEDDED else environ.Env.NOTSET)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    # Before unfold, a static file of which it replaces.
    "core",
    # Before the apps whose commands it replaces.
    "administration.overrides",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "oauth2_provider",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "pgtrigger",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "audit",
    "events",
    "proof",
    "changerequests",
    "administration",
    "schemas",
    "contacts",
    "contactgroups",
    "legalentities",
    "matching",
    "merging",
    "importexport",
    "operations",
    *(["devstack"] if EMBEDDED else []),
]

MIDDLEWARE = [
    # First: who watches the processes comes without a session, over plain HTTP, and to a number instead of a name.
    "operations.middleware.OperationsMiddleware",
    "core.middleware.CorrelationMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "core.middleware.HeadersMiddleware",
    "core.middleware.SkipApiCspMiddleware",
    "core.middleware.SkipApiStaticFilesMiddleware",
    "core.middleware.SkipApiSessionMiddleware",
    "core.middleware.LanguageMiddleware",
    "core.middleware.TimeZoneMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "core.middleware.SkipApiAuthenticationMiddleware",
    "accounts.sessions.SkipApiSessionPolicyMiddleware",
    "core.middleware.SkipApiMessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last, so that its answer to a login that is locked gets all that the others add.
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# ---- data

DATABASES = {"default": database_config(_database_url, takes_writes=True)}
# Searches, GraphQL and exports may read from it: core/replica.py.
REPLICA_URL = env.str("REPLICA_URL", default="")
if REPLICA_URL:
    DATABASES["replica"] = database_config(REPLICA_URL, takes_writes=False)
    DATABASE_ROUTERS = ["core.replica.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        # A list of one, for Django splits a text at commas.
        "LOCATION": [REDIS_URL],
        "OPTIONS": cache_options(REDIS_URL, socket_connect_timeout=2, socket_timeout=2),
    }
}

# The time limit is longer than workers wait for a message in one go (a second), and as long as a request waits for a
# server that is silent.
CELERY_BROKER_URL, CELERY_BROKER_TRANSPORT_OPTIONS = broker(
    REDIS_URL, visibility_timeout=3600, socket_connect_timeout=2, socket_timeout=3
)
# What happens is sent on by a queue of its own, so that workers can be kept free for it, whatever is imported. A worker
# serves both unless it names one.
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in ("celery", "events")]
CELERY_TASK_ROUTES = {"events.tasks.deliver_due": {"queue": "events"}}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_TASK_PUBLISH_RETRY = False  # a request does not wait for a broker that is down; beat sends again
CELERY_BEAT_SCHEDULER = "operations.scheduler:LeasedScheduler"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    "send due keys": {"task": "contacts.tasks.send_due_keys", "schedule": 60},
    "send due outcomes": {"task": "changerequests.tasks.send_due_outcomes", "schedule": 60},
    "watch deadlines": {"task": "changerequests.tasks.watch_deadlines", "schedule": 60},
    "send due notices": {"task": "administration.tasks.send_due_notices", "schedule": 60},
    "apply approved requests": {"task": "changerequests.tasks.apply_unapplied", "schedule": 60},
    "send due digests": {"task": "changerequests.tasks.send_due_digests", "schedule": 60},
    "tidy notifications": {"task": "changerequests.tasks.tidy_notifications", "schedule": 3600},
    "seal ledger": {"task": "proof.tasks.seal", "schedule": 60, "options": {"expires": 60}},
    "verify ledger": {"task": "proof.tasks.verify_some", "schedule": 600, "options": {"expires": 600}},
    # What was not taken within seconds is not needed: the next one does the same.
    "deliver webhooks": {"task": "events.tasks.deliver_due", "schedule": 1, "options": {"expires": 5}},
    "tidy deliveries": {"task": "events.tasks.tidy_deliveries", "schedule": 3600},
    "resume exports": {"task": "importexport.exports.tasks.resume_exports", "schedule": 60},
    "expire exports": {"task": "importexport.exports.tasks.expire_exports", "schedule": 60},
    "delete obsolete files": {"task": "contacts.tasks.delete_obsolete_files", "schedule": 60},
    "erase refused creations": {"task": "contacts.tasks.erase_refused", "schedule": 3600},
    "update search keys": {"task": "contacts.tasks.update_search_keys", "schedule": 60},
    "resume imports": {"task": "importexport.imports.tasks.resume_imports", "schedule": 30},
    "tidy imports": {"task": "importexport.imports.tasks.tidy_imports", "schedule": 3600},
    "resume schema checks": {"task": "schemas.tasks.resume_checks", "schedule": 60},
    "forget schema drafts": {"task": "schemas.tasks.forget_old_drafts", "schedule": 3600},
    "clean up": {"task": "accounts.tasks.clean_up", "schedule": 3600},
    "keep access log": {"task": "audit.tasks.keep_access_log", "schedule": 3600},
    # Not named after its module: see there.
    "note beat": {"task": "config.operations.tasks.note_beat", "schedule": 30},
    "update search indexes": {"task": "importexport.graphql.tasks.update_search_indexes", "schedule": 60},
    "search due duplicates": {"task": "matching.tasks.search_due_duplicates", "schedule": 60},
    "make matching keys": {"task": "matching.tasks.make_matching_keys", "schedule": 10, "options": {"expires": 10}},
}
# Found by themselves are the tasks of an app, not those of a package in one.
CELERY_IMPORTS = [
    "importexport.graphql.tasks",
    "importexport.exports.tasks",
    "importexport.imports.tasks",
]
CELERY_TIMEZONE = "UTC"

S3_BUCKET = env.str("S3_BUCKET", default="")


STORAGES = {
    "default": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": env.str("S3_ENDPOINT_URL", default=None),
            # The client's own patience is minutes.
            "client_config": s3_config(),
            # What is read beyond it lies on the disk: unless said, a file of a gigabyte would be in memory.
            "max_memory_size": 8 * 1024 * 1024,
        },
    }
    if S3_BUCKET
    else {
        "BACKEND": "core.storage.WholeFilesStorage",
        "OPTIONS": {"location": env.str("FILES_DIR", default=str(VAR_DIR / "files"))},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [ROOT / "static"] if (ROOT / "static").is_dir() else []

# ---- people

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    # First: a login that is locked is not even tried.
    "axes.backends.AxesStandaloneBackend",
    # By the user's own name, to which the login page brings what people type.
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/admin/"

OAUTH2_PROVIDER_APPLICATION_MODEL = "accounts.ClientApplication"
# Where people reach Kontor with a browser, for the links in mails; without it a mail has none.
PUBLIC_URL = env.str(
    "PUBLIC_URL", default=f"http://localhost:{env.str('PORT', default='8000')}" if EMBEDDED else ""
).rstrip("/")
OAUTH2_PROVIDER = {
    "SCOPES": {
        "contacts.read": _("Read contacts, their details and their history"),
        "contacts.write": _("Create contacts and change them"),
        "change-requests.read": _("Read change requests"),
        "change-requests.write": _("Cancel and review change requests"),
        "schemas.read": _("Read schemas and lists"),
        "schemas.write": _("Change schemas"),
        "groups.read": _("Read contact groups and access"),
        "groups.write": _("Change contact groups"),
        "legal-entities.read": _("Read legal entities"),
        "legal-entities.write": _("Create legal entities and change them"),
        "exports": _("Export data"),
        "imports": _("Import data"),
        "anonymize": _("Anonymize contacts"),
        "events.read": _("Read events"),
        "webhooks": _("Manage webhooks: have events sent to a URL"),
        "scim": _("Create and deactivate members, and request their rights, as a directory does (SCIM 2.0)"),
        "introspection": _("Check what tokens allow"),
    },
    "OAUTH2_VALIDATOR_CLASS": "accounts.oauth.Validator",
    "SCOPES_BACKEND_CLASS": "accounts.scopes.ApplicationScopes",
    "PKCE_REQUIRED": True,
    "ACCESS_TOKEN_EXPIRE_SECONDS": env.int("ACCESS_TOKEN_SECONDS", default=3600),
    "REFRESH_TOKEN_EXPIRE_SECONDS": env.int("REFRESH_TOKEN_SECONDS", default=14 * 24 * 3600),
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    # A registered address with http is one of the person's own computer (accounts/registration.py).
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https", "http"],
    # The issuer; in a trial it follows from the request.
    "OIDC_ISS_ENDPOINT": "" if EMBEDDED else PUBLIC_URL,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
}
# How long the secret of an application still works after its owner has collected the next one.
SECRET_OVERLAP_HOURS = env.int("SECRET_OVERLAP_HOURS", default=24)
# How long a member may decide through an application after it has confirmed with its second factor.
DECISION_CONFIRMATION_MINUTES = env.int("DECISION_CONFIRMATION_MINUTES", default=10)

# Rules of usernames that an institution chooses.
USERNAME_FROM_EMAIL = env.bool("USERNAME_FROM_EMAIL", default=False)
EXTERNAL_IDENTITY_PROVIDER = env.bool("EXTERNAL_IDENTITY_PROVIDER", default=False)

# ---- messages

_email = env.email_url("EMAIL_URL", default="consolemail://")
if _email["EMAIL_BACKEND"].endswith(".console.EmailBackend") and default_form() == "json":
    # It would print among the objects.
    _email["EMAIL_BACKEND"] = "core.mails.LogBackend"
vars().update(_email)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Kontor <kontor@localhost>")
# From which hour on a working day members get the daily digest that they asked for, in TIME_ZONE.
DIGEST_HOUR = env.int("DIGEST_HOUR", default=7)
SMS_BACKEND = env.str("SMS_BACKEND", default="contacts.sms.ConsoleBackend")
SMS_GATEWAY_URL = env.str("SMS_GATEWAY_URL", default="")
SMS_GATEWAY_TOKEN = env.str("SMS_GATEWAY_TOKEN", default="")
SMS_SENDER = env.str("SMS_SENDER", default="Kontor")

# ---- webhooks

# Whether calls may go to addresses inside a private network, and over plain HTTP: for tests and trials.
WEBHOOK_ALLOW_PRIVATE = env.bool("WEBHOOK_ALLOW_PRIVATE", default=False)
# For how many days the log of deliveries is kept.
WEBHOOK_LOG_DAYS = env.int("WEBHOOK_LOG_DAYS", default=30)

# ---- the access log

# Who looked at a contact stays on record for so many months; 0 for good.
ACCESS_LOG_MONTHS = env.int("ACCESS_LOG_MONTHS", default=24)
# Whether a process writes its part of the log by itself. Tests, whose database ends with each, write it when they ask.
ACCESS_LOG_IN_BACKGROUND = True

# ---- language and time

# For who asks for none, and for texts that lack theirs. LANGUAGES below has the others.
LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
LANGUAGES = [("en", _("English")), ("de", _("German")), ("fr", _("French")), ("it", _("Italian"))]
LOCALE_PATHS = [ROOT / "locale"]
FORMAT_MODULE_PATH = ["core.formats"]
# The institution's: of pages, mails, holidays and "today". The API, the log and the database have UTC.
TIME_ZONE = env.str("TIME_ZONE", default="Europe/Zurich")
# Where phone numbers without a calling code are dialled, unless the field of the schema names another country.
PHONE_REGION = env.str("PHONE_REGION", default="CH")

# Which weights differ from those of matching/weights.py, by attribute and level: {"email.same": 10}.
DUPLICATE_WEIGHTS = env.json("DUPLICATE_WEIGHTS", default={})
DUPLICATE_PROBABLE = env.float("DUPLICATE_PROBABLE", default=0.95)
DUPLICATE_POSSIBLE = env.float("DUPLICATE_POSSIBLE", default=0.5)
# How often contacts that have changed are compared with all others; 0 for never.
DUPLICATE_SEARCH_HOURS = env.float("DUPLICATE_SEARCH_HOURS", default=1)
USE_TZ = True
# The days on which hours until a change request is due count, but for the holidays that the admin has.
BUSINESS_DAYS = weekdays(env.list("BUSINESS_DAYS", default=list(WEEKDAYS[:5])))

# ---- HTTP

API_MAX_BODY_BYTES = env.int("API_MAX_BODY_BYTES", default=10 * 1024 * 1024)

# What a file to import may hold, unpacked; a million contacts are about 1.5 GB.
IMPORT_MAX_FILE_BYTES = env.int("IMPORT_MAX_FILE_BYTES", default=10 * 1024**3)
IMPORT_BATCH_ENTRIES = env.int("IMPORT_BATCH_ENTRIES", default=2_000)
# An import whose worker has not shown for so long that it lives is given to another; it does so with every batch.
IMPORT_LOST_AFTER_SECONDS = env.int("IMPORT_LOST_AFTER_SECONDS", default=60)

# Refused before they are parsed: what no form of ours needs.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
# The form of a contact has a field for every value in every row, whatever rows the institution's schema allows.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
DATA_UPLOAD_MAX_NUMBER_FILES = 100

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttling.ActorThrottle"],
    "DEFAULT_PARSER_CLASSES": ["core.json.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["core.json.ORJSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "core.json.OneRenderer",
    "DEFAULT_SCHEMA_CLASS": "core.openapi.ContractSchema",
    "EXCEPTION_HANDLER": "core.exception_handlers.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}

# ---- operations

LOGGING_CONFIG = None
LOG_FORMAT = default_form()
logging_config(LOG_FORMAT, level=default_level())

# What has to work for `/health/ready` to say 200. Without "queue" and "storage" a process goes on getting requests
# while these are down; it can answer most of them.
READY_REQUIRES = env.list("READY_REQUIRES", default=["database", "migrations", "queue", "storage"])
# Who shows it as a bearer token reads `/metrics`; without one there is no such address.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
