"""Files on the disk."""

import contextlib
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage


class WholeFilesStorage(FileSystemStorage):
    """Keeps a file whole or not at all: a full disk would otherwise leave a truncated one that nobody knows of."""

    def _save(self, name: str, content: Any) -> str:
        path = Path(self.path(name))
        is_ours = not path.exists()
        try:
            return super()._save(name, content)  # type: ignore[misc]
        except OSError:
            if is_ours:
                with contextlib.suppress(OSError):
                    path.unlink()
            raise
