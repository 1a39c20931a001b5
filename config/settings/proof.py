"""Settings of seals: docs/proof.md."""

from config.settings.environment import EMBEDDED, VAR_DIR, embedded_servers, env, s3_config

# Files with the Ed25519 keys that sign seals: the present one first, then those that it replaces. Only for workers.
SEAL_KEY_FILES = env.list("SEAL_KEY_FILES", default=[embedded_servers().seal_key(VAR_DIR)] if EMBEDDED else [])
# A file to which seals are added, where Kontor's hosts cannot take them back.
SEAL_FILE = env.str("SEAL_FILE", default=str(VAR_DIR / "seals.jsonl") if EMBEDDED else "")
# A bucket with object lock for them, and for how many days each is locked.
SEAL_S3_BUCKET = env.str("SEAL_S3_BUCKET", default="")
SEAL_S3_ENDPOINT_URL = env.str("SEAL_S3_ENDPOINT_URL", default=None)
SEAL_S3_DAYS = env.int("SEAL_S3_DAYS", default=3_650)
SEAL_S3_CONFIG = s3_config() if SEAL_S3_BUCKET else None
