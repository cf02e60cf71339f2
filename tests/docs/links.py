#!/usr/bin/env python3
"""Every link between the Markdown files of the repository leads to something: a file or folder, and a heading in it.

    links.py ROOT       says which do not
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs/site"))
from page import headings_of  # noqa: E402

LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^()\s]+)\)")
SPAN = re.compile(r"(`+).+?\1", re.S)
ELSEWHERE = {"build", "node_modules", ".git", ".cache"}


def links_of(text):
    """(line, target) of each link outside of code."""
    blank = lambda found: re.sub(r"[^\n]", " ", found.group())
    text = re.sub(r"^(\s*)```.*?^\s*```", blank, text, flags=re.S | re.M)
    text = SPAN.sub(blank, re.sub(r"`(?=[^`\n]*`\]\()", " ", re.sub(r"(?<=\[)`([^`\n]*)`(?=[^\n]*?\]\()", r" \1 ", text)))
    return [(text.count("\n", 0, found.start()) + 1, found.group(1)) for found in LINK.finditer(text)]


def check(root):
    """What is wrong, a line each."""
    pages = [each for each in sorted(root.rglob("*.md")) if not ELSEWHERE & set(each.relative_to(root).parts)]
    texts = {each.resolve(): each.read_text(encoding="utf-8") for each in pages}
    wrong, seen = [], 0
    for page in pages:
        for line, target in links_of(texts[page.resolve()]):
            seen += 1
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (page.parent / name if name else page).resolve()
            where = f"{page.relative_to(root).as_posix()}:{line}: {target}"
            if not file.exists():
                wrong.append(f"{where}: there is no such file")
            elif anchor and anchor not in {each[3] for each in headings_of(texts.get(file, ""))}:
                wrong.append(f"{where}: there is no such heading")
    return wrong, seen


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    wrong, seen = check(pathlib.Path(arguments[0]))
    for each in wrong:
        print(each)
    print(f"{seen} links, {len(wrong)} wrong")
    sys.exit(1 if wrong or not seen else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
