"""Where settings come from, and the profile that follows from it."""

from pathlib import Path

import environ

ROOT = Path(__file__).resolve().parents[2]
env = environ.Env()

VAR_DIR = Path(env.str("KONTOR_VAR", default=str(ROOT / "var")))
EMBEDDED = not (env.str("DATABASE_URL", default="") and env.str("REDIS_URL", default=""))
