"""``python -m tests.protections``: takes each protection out of a copy of the tree and looks whether its tests notice.

(no options)      every protection of every fault
--fault 7         those of one fault; may be given several times
--unseen          of these only what no run has seen noticed as it is now
-v                what each test said

What was noticed is written to `tests/protections/noticed.json`.
"""

import argparse
import sys
import time

from tests.protections import noticed
from tests.protections.removal import Removal
from tests.protections.table import REMOVALS
from tests.protections.trial import ROOT, Seen, Trial, trial


def main() -> int:
    """Read the command line and try; 1 when somebody did not notice, or something could not be tried."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", type=int, action="append", help="only this one")
    parser.add_argument("--unseen", action="store_true", help="only what no run has seen noticed as it is now")
    parser.add_argument("-v", "--verbose", action="store_true", help="what each test said")
    given = parser.parse_args()
    chosen = [removal for removal in REMOVALS if not given.fault or removal.fault in given.fault]
    stale = [f"fault {r.fault} {r.protection}: {what}" for r in chosen for what in r.complaints(ROOT)]
    if stale or not chosen:
        print("\n".join(stale) or "there is no such fault", file=sys.stderr)
        return 1
    if given.unseen and not (chosen := noticed.unseen(chosen)):
        print("every one of them was seen noticed")
        return 0
    with trial() as copy:
        return _try(copy, chosen, verbose=given.verbose)


def _try(copy: Trial, chosen: list[Removal], *, verbose: bool) -> int:
    untouched = copy.untouched(chosen)
    ill = _not_passed(untouched)
    total = len(untouched.noticed) + len(untouched.otherwise)
    print(f"nothing removed: {total - len(ill)} of {total} tests pass")
    print("".join(f"  {name}: {said}\n" for name, said in ill.items()), end="", flush=True)
    kept = 0
    for removal in chosen:
        started = time.monotonic()
        seen = copy.without(removal)
        # Whoever says no without a removal has noticed nothing.
        is_noticed = len(seen.noticed.keys() - ill.keys()) == removal.witnesses
        noticed.write(removal, noticed=is_noticed, among=REMOVALS)
        kept += is_noticed
        print(
            f"fault {removal.fault} {removal.protection}: {len(seen.noticed)} of {removal.witnesses} tests noticed "
            f"({time.monotonic() - started:.1f} s)"
        )
        for name, said in (seen.noticed if verbose else {}).items():
            print(f"  {name}: {said}")
        for name, said in seen.otherwise.items():
            print(f"  not noticed by {name}: {said}")
        sys.stdout.flush()
    print(f"protections={len(chosen)} noticed={kept} faults={len({removal.fault for removal in chosen})}")
    return int(kept < len(chosen) or bool(ill))


def _not_passed(seen: Seen) -> dict[str, str]:
    return seen.noticed | {name: said for name, said in seen.otherwise.items() if said != "passed"}


if __name__ == "__main__":
    sys.exit(main())
