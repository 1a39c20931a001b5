"""Security settings; docs/threat-model.md explains each."""

from datetime import timedelta

from csp import constants

from config.settings.environment import EMBEDDED, env

BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
CSRF_FAILURE_VIEW = "core.exception_handlers.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
if not EMBEDDED:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None

# A session ends after a working day, or earlier if idle.
SESSION_COOKIE_AGE = env.int("SESSION_SECONDS", default=12 * 3600)
SESSION_IDLE_SECONDS = env.int("SESSION_IDLE_SECONDS", default=30 * 60)

# Failed logins lock the username or client id from all addresses; attempts are counted per address, too.
LOGIN_MAX_FAILURES = env.int("LOGIN_MAX_FAILURES", default=5)
LOGIN_LOCK_SECONDS = env.int("LOGIN_LOCK_SECONDS", default=15 * 60)
LOGIN_RATE = env.str("LOGIN_RATE", default="60/min")
# Links to set a password that one address may ask for, and that one login gets.
PASSWORD_LINK_RATE = env.str("PASSWORD_LINK_RATE", default="20/hour")
PASSWORD_LINKS_AN_HOUR = env.int("PASSWORD_LINKS_AN_HOUR", default=3)
# Verification keys that one email address or mobile number gets, of all contacts together.
KEY_RATE = env.str("KEY_RATE", default="10/hour")
AXES_FAILURE_LIMIT = LOGIN_MAX_FAILURES
AXES_COOLOFF_TIME = timedelta(seconds=LOGIN_LOCK_SECONDS)
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_USERNAME_CALLABLE = "accounts.lockout.key_of_attempt"
AXES_CLIENT_IP_CALLABLE = "accounts.throttling.client_address"
AXES_CLIENT_STR_CALLABLE = "accounts.lockout.describe_attempt"
AXES_LOCKOUT_CALLABLE = "accounts.lockout.too_many_attempts"
AXES_SENSITIVE_PARAMETERS = [
    *("username", "ip_address", "client_id", "client_secret", "client_assertion", "code", "code_verifier"),
    *("refresh_token", "token"),
    *("next", "state", "csrfmiddlewaretoken", "old_password", "new_password1", "new_password2"),
]
# Attempts during a lockout do not extend it; otherwise anybody could lock out a user permanently.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# The check wants the IP address as a parameter, since others can be rotated; an attacked username cannot.
# And it takes no http in redirect addresses, where only those of the person's own computer are registered
# (accounts/registration.py), which applications without a server need (RFC 8252).
SILENCED_SYSTEM_CHECKS = ["axes.W006", "oauth2_provider.W008"]

# API requests per actor; empty means no limit.
API_RATE = env.str("API_RATE", default="6000/min")
# Unfinished exports and imports per caller; 0 means no limit.
MAX_UNFINISHED_JOBS = env.int("MAX_UNFINISHED_JOBS", default=10)

REQUIRE_SECOND_FACTOR = env.bool("REQUIRE_SECOND_FACTOR", default=not EMBEDDED)
# They encrypt the keys of authenticators, the first one what is new. Without any, SECRET_KEY and its fallbacks do.
AUTHENTICATOR_KEYS = env.list("AUTHENTICATOR_KEYS", default=[])
OTP_TOTP_ISSUER = "Kontor"
OTP_ADMIN_HIDE_SENSITIVE_DATA = True

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [constants.NONE],
        "script-src": [constants.SELF],
        "style-src": [constants.SELF, constants.NONCE],
        "img-src": [constants.SELF, "data:", "blob:"],
        "font-src": [constants.SELF],
        "connect-src": [constants.SELF],
        "form-action": [constants.SELF],
        "frame-ancestors": [constants.NONE],
        "base-uri": [constants.SELF],
        "object-src": [constants.NONE],
        "manifest-src": [constants.SELF],
    }
}
