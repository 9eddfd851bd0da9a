"""Hold a conformance report against what is known of the cases: whatever else fails, fails the gate.

usage: conformance.py REPORT EXPECTED UNPASSABLE

EXPECTED has a line "VERSION CASE" for each case that passes.  A case that passes and is not listed must be entered
(the list is printed): what was gained is not lost unseen.

UNPASSABLE has a line "VERSION CASE | what the report says | why" for each case that no correct server passes.  Such a
case must fail, and just so.
"""

import re
import sys
from datetime import datetime

DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"
TICKED = re.compile(rf"^FAIL \S+ TL-M-3-\S+ .*'(?:x-)?VendorAttribute3'.*: ({DATE}) instead of ({DATE})$")


def ticked(line):
    """Whether a case failed only because a second ended between it and TL-M-2, on which it builds.

    It modifies an attribute that TL-M-2 set: both say $NOW.  The runner takes it for the time when each began, yet
    judges the answer by the time of TL-M-2.
    """
    found = TICKED.match(line)
    if not found:
        return False
    given, wanted = (datetime.fromisoformat(date).timestamp() for date in found.groups())
    return 0 < given - wanted <= 2


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


report, expected, unpassable = (lines(path) for path in sys.argv[1:])
results = {}
for line in report:
    words = line.split(None, 3)
    if len(words) >= 3 and words[0] in ("PASS", "FAIL", "SKIP"):
        verdict = "PASS" if ticked(line) else words[0]
        results[f"{words[1]} {words[2].rstrip(':')}"] = (verdict, line)
listed = set(expected)
known = {case.strip(): (said.strip(), why.strip()) for case, said, why in (line.split("|", 2) for line in unpassable)}
passed = {case for case, (verdict, _) in results.items() if verdict == "PASS"}
failed = {case: line for case, (verdict, line) in results.items() if verdict == "FAIL"}
by_version = {}
for case, (verdict, _) in results.items():
    by_version.setdefault(case.split()[0], []).append(verdict)
for version, verdicts in sorted(by_version.items()):
    counts = {verdict: verdicts.count(verdict) for verdict in ("PASS", "FAIL", "SKIP")}
    print(f"KMIP {version}: {counts['PASS']} passed, {counts['FAIL']} failed, {counts['SKIP']} skipped")
wrong = []
for case, (said, why) in sorted(known.items()):
    if case in failed and said in failed[case]:
        print(f"{case} fails as it must: {why}")
    else:
        wrong.append(f"{case} is listed as one that cannot pass: {results.get(case, ('', 'not played'))[1]}")
wrong += [f"LOST {results.get(case, ('', f'{case}: not played'))[1]}" for case in sorted(listed - passed)]
wrong += [line for case, line in sorted(failed.items()) if case not in known and case not in listed]
wrong += [f"{case} passed and is not in the list of those that do" for case in sorted(passed - listed)]
for line in wrong:
    print(line)
if not results:
    sys.exit("the report has no results")
sys.exit(1 if wrong else 0)
