"""The command `kontor`, also as `python -m kontor`: manage.py, from any directory.

The apps are imported by names like `core`, which are too general for a whole environment: in the wheel they are under
`kontor/app`, which only this command, and the servers that it starts, have on their path.
"""

import os
import runpy
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_IN_WHEEL = _HERE / "app"


def main() -> None:
    """Run `manage.py` with the arguments of this process."""
    app = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parent
    if app == _IN_WHEEL:
        os.environ.setdefault("KONTOR_VAR", str(_data_directory()))
    sys.path.insert(0, str(app))
    sys.argv[0] = "kontor"
    runpy.run_path(str(app / "manage.py"), run_name="__main__")


def _data_directory() -> Path:
    """Return where files of this user belong: beside the code, an upgrade or its removal would take them along."""
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "kontor"


if __name__ == "__main__":
    main()
