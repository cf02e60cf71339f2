#!/usr/bin/env python3
"""What Doxygen reads in the place of a file of this repository.

    filter.py FILE                   prints the filtered text
    filter.py --into FOLDER FILE...  leaves that of all of them in a folder, at once: Doxygen asks twice for each

A header keeps its lines: its card and the plain comments above its public declarations become comments of Doxygen's, and
what is no user's business is left blank (header.py). A page of Markdown gets a name for itself and for each of its
headings, and links by these names (page.py); a program among the examples, and the licence, become a page that shows
them.
"""
import pathlib
import sys

from header import doxygen_of_header
from page import Site

ROOT = pathlib.Path(__file__).resolve().parents[2]


def filtered(path, root=ROOT):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".hpp":
        return doxygen_of_header(text)
    site = Site(root)
    name = path.resolve().relative_to(root).as_posix()
    return site.page(name, text) if path.suffix == ".md" else site.listing(name, text)


def main(arguments):
    if len(arguments) > 2 and arguments[0] == "--into":
        for file in map(pathlib.Path, arguments[2:]):
            out = pathlib.Path(arguments[1] + str(file.resolve()))
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(filtered(file), encoding="utf-8")
    elif len(arguments) == 1:
        sys.stdout.reconfigure(encoding="utf-8")
        sys.stdout.write(filtered(pathlib.Path(arguments[0])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
