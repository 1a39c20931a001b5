"""Python's garbage collector, where many objects are made that end with their references alone."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects made and not freed until the collector comes by; Python's own 700 are those of a few documents.
_MANY = 50_000


@contextmanager
def relaxed_gc() -> Iterator[None]:
    """Within the block the collector comes by less often, and leaves alone what was there before.

    Searching all of that again and again takes a quarter of a long run.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_MANY, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
