"""How gunicorn serves Kontor: `gunicorn -c python:config.gunicorn config.wsgi`. The environment decides the sizes."""

import os
from pathlib import Path

bind = [f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"]
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
# Loaded once and shared by the workers; it opens no connection before they exist.
preload_app = True
timeout = int(os.environ.get("WEB_TIMEOUT", "60"))
graceful_timeout = int(os.environ.get("WEB_GRACEFUL_TIMEOUT", "15"))
keepalive = 5
# A worker touches a file to say that it is alive; on a slow disk that can take longer than it has.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn makes the file safely
# A place of its own in the user's home, shared by all servers that the user runs.
control_socket_disable = True

# Before the workers read the settings: one connection per thread, kept.
os.environ.setdefault("DATABASE_POOL_SIZE", str(threads))
# A query that takes longer is stopped, before the caller has given up waiting.
os.environ.setdefault("DATABASE_STATEMENT_SECONDS", "20")

# No line or header of ours is longer; bodies are cut off by the application while they are read.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
