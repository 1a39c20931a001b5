"""The amount of code that a request runs must not grow, because everyone who changes an operation has to read it."""

import json
import subprocess
import sys

import pytest

from tests.devstack.stack import ROOT

pytestmark = pytest.mark.stack

MOST = {
    # Of which the access log is one file, three functions and two moves.
    "GET details": {"files": 12, "functions": 48, "moves": 19},
    # Of which the commitments of an entry are one file, six functions and two moves.
    "PATCH details": {"files": 21, "functions": 95, "moves": 36},
}


def test_requests_stay_within_their_budgets_and_no_code_is_too_long(environment, prepare, tmp_path):
    file = tmp_path / "trace.json"
    prepare(tmp_path / "var")
    subprocess.run(
        [sys.executable, "-m", "benchmarks.trace", "--prepared", "--json", str(file)],
        cwd=ROOT,
        env={**environment(tmp_path), "BENCHMARK_VAR": str(tmp_path / "var")},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    trace = json.loads(file.read_text())
    counts = {work: {} for work in MOST}
    for figure in trace["figures"]:
        if figure["work"] in MOST:
            counts[figure["work"]][figure["unit"]] = figure["value"]
    for work, most in MOST.items():
        path = [f"{step['file']}:{step['function']}" for step in trace["paths"][work]]
        assert all(counts[work][unit] <= most[unit] for unit in most), (counts[work], path)
        # The trace saw everything: the first middleware, the log line's middleware and the view.
        passed = trace["functions_by_file"][work]
        assert path[0] == "operations/middleware.py:OperationsMiddleware.__call__"
        assert {"core/middleware.py", "contacts/views/contact_details.py"} <= passed.keys()
    assert trace["too_long"] == {"functions": [], "modules": []}
