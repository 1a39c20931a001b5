"""Measurements that anybody can repeat: `python -m benchmarks.export`.

Each is a program of its own. Their servers and files are in a place of their own, `var/benchmark`.
"""

import os
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "var" / "benchmark"

os.environ |= {
    "KONTOR_VAR": str(PLACE),
    "DJANGO_SETTINGS_MODULE": "config.settings.base",
    "LOG_LEVEL": "WARNING",
}
django.setup()
