"""Progress of a command on standard error: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 5.0


class ShownProgress:
    """Show how many items are done. `unit` is their plural, such as "entries"."""

    def __init__(self, unit: str, *, stream: TextIO | None = None) -> None:
        self._unit = unit
        self._stream = stream or sys.stderr
        self._total = 0
        self._told_at = time.monotonic()
        self._bar: tqdm | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def expect(self, total: int) -> None:
        """Set the total and start showing progress."""
        self._total = total
        if self._stream.isatty():
            self._bar = tqdm(total=total, unit=f" {self._unit}", file=self._stream, dynamic_ncols=True)
        else:
            self._tell(0)

    def report(self, processed: int) -> None:
        """Show the number of items processed so far."""
        if self._bar is not None:
            self._bar.update(processed - self._bar.n)
        elif time.monotonic() - self._told_at >= SECONDS_BETWEEN_LINES:
            self._tell(processed)

    def _tell(self, processed: int) -> None:
        self._told_at = time.monotonic()
        print(f"{processed} of {self._total} {self._unit}", file=self._stream, flush=True)
