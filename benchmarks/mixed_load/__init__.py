"""Mixed load on two web processes and two workers on one machine: `python -m benchmarks.mixed_load`."""

import os
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "var" / "benchmark"

os.environ |= {
    "KONTOR_VAR": str(PLACE),
    "DJANGO_SETTINGS_MODULE": "config.settings.base",
    "LOG_LEVEL": "WARNING",
}
django.setup()
