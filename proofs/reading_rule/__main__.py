"""``python -m proofs.reading_rule``: a walk of any size, also of sizes that take too long for a test."""

import argparse
import sys
import time

from proofs.reading_rule.database import Size
from proofs.reading_rule.rules import RULES
from proofs.reading_rule.walk import Walk


def main() -> int:
    """Walk, and print the result. The exit code is 1 when a guarantee was broken."""
    parser = argparse.ArgumentParser(prog="python -m proofs.reading_rule", description=__doc__)
    parser.add_argument("--writers", type=int, default=3)
    parser.add_argument("--positions", type=int, default=4)
    parser.add_argument("--rows", type=int, default=2, help="the most rows of one transaction")
    parser.add_argument("--keys", type=int, default=2, choices=(1, 2))
    parser.add_argument("--restores", type=int, default=0, choices=(0, 1))
    parser.add_argument("--limit", type=int, default=1, help="the most rows that one statement reads")
    parser.add_argument("--gaps", type=int, default=1, help="the most gaps of one look")
    parser.add_argument("--rule", choices=RULES, default="kept", help="the relay's rule, or one that fails")
    given = parser.parse_args()
    size = Size(given.writers, given.positions, given.rows, given.keys, given.restores)
    begun = time.monotonic()
    walked = Walk(size, RULES[given.rule], limit=given.limit, gaps_a_look=given.gaps).run(trace=given.rule != "kept")
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{size}: {walked.states:,} states, {walked.steps:,} steps, {seconds:.0f} s\n")
    if walked.broken is not None:
        sys.stdout.write("\n".join((*walked.trace, f"broken: {walked.broken}", "")))
    return 0 if walked.broken is None else 1


if __name__ == "__main__":
    sys.exit(main())
