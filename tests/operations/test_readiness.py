"""Readiness: concurrent requests share one run of each probe."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from threading import Event

import pytest

from operations.health import OK, Readiness


def test_who_asks_while_a_probe_is_under_way_waits_for_its_outcome():
    begun, go, runs = Event(), Event(), []

    def probe():
        runs.append(None)
        begun.set()
        assert go.wait(timeout=10)

    readiness = Readiness({"database": probe})
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(readiness.outcomes)
        assert begun.wait(timeout=10)
        second = pool.submit(readiness.outcomes)
        with pytest.raises(NotYetError):
            second.result(timeout=0.2)
        go.set()
        assert first.result(timeout=10) == second.result(timeout=10) == {"database": OK}
    assert len(runs) == 1
