"""The browser that pictures and tests are made with."""

import os
import shutil


def chromium() -> str | None:
    """Where Debian's `chromium` is, unless KONTOR_CHROMIUM names another; None where there is none."""
    return os.environ.get("KONTOR_CHROMIUM") or shutil.which("chromium")
