"""`python -m release`: examines whether this tree can be published, and builds what would be.

The exit status is 0 only if everything was examined and found good.
"""

import argparse
import datetime
import sys
from collections.abc import Iterator
from itertools import chain

from release.announcement import examine_changelog, examine_contract, examine_version
from release.contents import examine_dependencies, examine_distributions, examine_vulnerabilities
from release.findings import Finding, Grade
from release.scripts import ROOT


def examine(*, with_network: bool) -> Iterator[Finding]:
    """Give what is found. Of each part, that it is good counts only if nothing else was said of it."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    parts = chain(
        [examine_version(ROOT), examine_changelog(ROOT, today), examine_contract(ROOT)],
        [examine_dependencies(ROOT), examine_distributions(ROOT)],
        [examine_vulnerabilities(ROOT)] if with_network else [],
    )
    for part in parts:
        found = list(part)
        bad = [finding for finding in found if finding.grade is not Grade.OK]
        yield from bad or found


def main() -> int:
    parser = argparse.ArgumentParser(description="Examines whether this tree can be published.")
    parser.add_argument(
        "--without-network", action="store_true", help="leave out the known vulnerabilities, and say so"
    )
    options = parser.parse_args()
    good = True
    for finding in examine(with_network=not options.without_network):
        good &= finding.grade is Grade.OK
        sys.stdout.write(f"{finding.grade:>8}  {finding.part}: {finding.text}\n")
        sys.stdout.flush()
    if options.without_network:
        sys.stdout.write("left out  vulnerabilities: nobody has looked for known ones\n")
    sys.stdout.write("Publish dist/: docs/releasing.md says how.\n" if good else "Not to be published.\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
