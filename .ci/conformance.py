"""Hold a conformance report against the list of cases that passed before: none of them may fail again.

usage: conformance.py REPORT EXPECTED

EXPECTED has a line "VERSION CASE" for each case that passes.  A case that passes and is not listed must be entered
(the list is printed): what was gained is not lost unseen.
"""

import sys

report, expected = sys.argv[1:]
results = {}
for line in open(report, encoding="utf-8"):
    words = line.split(None, 3)
    if len(words) >= 3 and words[0] in ("PASS", "FAIL", "SKIP"):
        results[f"{words[1]} {words[2].rstrip(':')}"] = (words[0], line.strip())
listed = {line.strip() for line in open(expected, encoding="utf-8") if line.strip() and not line.startswith("#")}
passed = {case for case, (verdict, _) in results.items() if verdict == "PASS"}
by_version = {}
for case, (verdict, _) in results.items():
    by_version.setdefault(case.split()[0], []).append(verdict)
for version, verdicts in sorted(by_version.items()):
    counts = {verdict: verdicts.count(verdict) for verdict in ("PASS", "FAIL", "SKIP")}
    print(f"KMIP {version}: {counts['PASS']} passed, {counts['FAIL']} failed, {counts['SKIP']} skipped")
lost = sorted(listed - passed)
gained = sorted(passed - listed)
for case in lost:
    print("LOST", results.get(case, ("", f"{case}: not played"))[1])
if gained:
    print("Passed and not listed in the file of expected cases:", *gained, sep="\n  ")
if not results:
    sys.exit("the report has no results")
sys.exit(1 if lost or gained else 0)
