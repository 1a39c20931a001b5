"""How much code a request passes does not grow: whoever changes an operation has to read it."""

import json
import subprocess
import sys

from tests.devstack.stack import ROOT

# What it was when it was first counted, to be lowered to the goals that `make trace` prints.
MOST = {
    "GET details": {"files": 21, "functions": 51, "moves": 34},
    "PATCH details": {"files": 33, "functions": 105, "moves": 63},
}


def test_requests_stay_within_their_budgets_and_no_code_is_too_long(environment, tmp_path):
    file = tmp_path / "trace.json"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.trace", "--json", str(file)],
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
        # It saw all of it: the first middleware, the view, and the line of the log.
        passed = trace["functions_by_file"][work]
        assert path[0] == "operations/middleware.py:OperationsMiddleware.__call__"
        assert {"contacts/views/details.py", "core/logging.py"} <= passed.keys()
    assert trace["too_long"] == {"functions": [], "modules": []}
