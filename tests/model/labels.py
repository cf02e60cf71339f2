#!/usr/bin/env python3
"""tests/model/labels.py ROOT [--print]: the labels of the atomic operations, and their index in docs/memory_model.md.

Prints one line a breach, `file:line: what is wrong`, and fails when there is one:
  - an operation that is not relaxed has a label, `// [like_this]`, on its statement or in the comment above it;
  - a label has a releasing side and an acquiring one, in the file or in another that uses it;
  - each label stands in the index with each of its files, and nothing else does.
`--print` prints what the index must name.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import mutate

DOCUMENT = "docs/memory_model.md"
THE_DOOR = "base/atomic.hpp"  # its fence is labelled where it is used
LABEL = re.compile(r"\[([a-z][a-z_ ]*)\]")
ROW = re.compile(r"^\| `\[([a-z][a-z_ ]*)\]` \| ([^|]*) \|", re.MULTILINE)
FILE = re.compile(r"`([\w/]+\.hpp)`")
COMMENT = re.compile(r"//(.*)")


class Site:
    """An operation that is not relaxed: where, which sides it has, and its labels."""

    def __init__(self, line, releases, acquires, labels):
        self.line, self.releases, self.acquires, self.labels = line, releases, acquires, labels


def sites_of(text):
    code = mutate.code_of(text)
    lines, code_lines = text.split("\n"), code.split("\n")
    found = []
    for call in mutate.CALL.finditer(code):
        places, closing = mutate.arguments(code, call.end() - 1)
        orders = [(number, code[begin:end].strip()) for number, (begin, end) in enumerate(places)]
        orders = [(number, order) for number, order in orders if order in mutate.ORDERS and order != "relaxed"]
        if not orders:
            continue
        kinds = [(mutate.kind_of(call.group(1), number), order) for number, order in orders]
        first = text.count("\n", 0, call.start())
        last = text.count("\n", 0, closing)
        found.append(Site(first + 1,
                          any(kind != "load" and order != "acquire" for kind, order in kinds),
                          any(kind != "store" and order != "release" for kind, order in kinds),
                          labels_at(lines, code_lines, first, last)))
    return found


def labels_at(lines, code_lines, first, last):
    """What the comments of these lines name, and those that stand above them on lines of their own."""
    while last + 1 < len(lines) and code_lines[last].strip() and code_lines[last].rstrip()[-1] not in ";{}":
        last += 1
    while first > 0 and code_lines[first - 1].strip() and code_lines[first - 1].rstrip()[-1] not in ";{}:":
        first -= 1
    comments = lines[first:last + 1]
    while first > 0 and lines[first - 1].lstrip().startswith("//"):
        first -= 1
        comments.append(lines[first])
    return {label for line in comments for comment in COMMENT.findall(line) for label in LABEL.findall(comment)}


def index_of(document):
    """The labels of the index, each with its files."""
    return {row.group(1): set(FILE.findall(row.group(2))) for row in ROW.finditer(document)}


def breaches(headers, document):
    """`headers`: the texts by path below include/weir."""
    found, used = [], {}
    for header, text in headers.items():
        for site in sites_of(text):
            if not site.labels and header != THE_DOOR:
                found.append(f"include/weir/{header}:{site.line}: an order without a label")
            for label in site.labels:
                used.setdefault(label, {}).setdefault(header, []).append(site)
    for label, files in sorted(used.items()):
        sites = [site for all_of_one in files.values() for site in all_of_one]
        header, first = next(iter(files)), next(iter(files.values()))[0]
        for has_side, side in ((lambda one: one.releases, "releasing"), (lambda one: one.acquires, "acquiring")):
            if not any(has_side(site) for site in sites):
                found.append(f"include/weir/{header}:{first.line}: [{label}] has no {side} side")
    index = index_of(document)
    for label, files in sorted(used.items()):
        for header in sorted(set(files) - index.get(label, set())):
            found.append(f"{DOCUMENT}:1: the index misses [{label}] of {header}")
    for label, files in sorted(index.items()):
        for header in sorted(files - set(used.get(label, {}))):
            found.append(f"{DOCUMENT}:1: the index names [{label}] of {header}, which has none")
    return found


def read(root):
    base = Path(root) / "include/weir"
    paths = sorted(base.rglob("*.hpp"))
    headers = {path.relative_to(base).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    document = Path(root) / DOCUMENT
    return headers, document.read_text(encoding="utf-8") if document.exists() else ""


def main(arguments):
    if len(arguments) < 2 or not (Path(arguments[1]) / "include/weir").is_dir():
        sys.exit("usage: labels.py ROOT [--print]")
    headers, document = read(arguments[1])
    if "--print" in arguments:
        for header, text in headers.items():
            for site in sites_of(text):
                sides = "/".join(side for side, has in (("releases", site.releases), ("acquires", site.acquires)) if has)
                print(f"{' '.join(f'[{label}]' for label in sorted(site.labels)):24} {header}:{site.line} {sides}")
        return
    found = breaches(headers, document)
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main(sys.argv)
