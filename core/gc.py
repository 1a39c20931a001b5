"""Garbage collector tuning for long runs that create many objects but few reference cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Generation 0 threshold. A few documents already reach CPython's default.
_MANY = 50_000


@contextmanager
def relaxed_gc() -> Iterator[None]:
    """Collect less often within the block, and ignore objects that existed before it.

    Traversing those objects repeatedly takes a quarter of a long run.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_MANY, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
