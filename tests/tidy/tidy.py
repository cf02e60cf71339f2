#!/usr/bin/env python3
"""tests/tidy/tidy.py ROOT: the rules of the house that no compiler checks.

Prints one line a breach, `file:line: what is wrong`, and fails when there is one.
Each rule is a function from the tree to its breaches; RULES at the end lists them.
"""

import re
import sys
from pathlib import Path

# A folder sees its own files and those of lower floors. Folders of one floor do not see each other.
FLOORS = [
    {"base"},
    {"cpu", "simd", "metrics"},
    {"queue"},
    {"memory"},
    {"coro"},
    {"io", "timer", "sync"},
    {"runtime", "channel", "flow"},
    {"net"},
    {"testing"},
]
FLOOR = {folder: floor for floor, folders in enumerate(FLOORS) for folder in folders}

# What only one file may include, and that file.
ONE_DOOR = [
    (re.compile(r"atomic$"), "base/atomic.hpp"),
    (re.compile(r"xsimd/"), "simd/lanes.hpp"),
    (re.compile(r"(.*/)?(blocking)?concurrentqueue\.h$"), "queue/unbounded.hpp"),
]
# What costs every user compile time.
NEVER_INCLUDED = {"iostream", "regex", "functional", "future"}
THREAD_LOCAL_HOMES = ("base/current.hpp", "base/thread_words.hpp")

CARD_FOR_AUTHORS = re.compile(r"^// For:\s+authors of primitives\b", re.MULTILINE)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)

# What g++ 11 and 12 miscompile inside an await expression. Each is matched in code without comments and strings.
# A lambda that captures only by reference is none of these.
BY_REFERENCE = r"\s*(?:&\s*\w*|this)(?:\s*,\s*(?:&\s*\w+|this))*\s*"
BALANCED = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
TRAPS = [
    # From the condition's parenthesis to the await nothing closes it; an await behind the condition is none of it.
    (re.compile(r"\b(?:if|while|switch)\s*\((?:[^();{]|" + BALANCED + r"|\()*\bco_await\b"), "a condition that awaits: name the result first"),
    (re.compile(r"\bauto\s*&{0,2}\s*\[[^\]]*\]\s*=\s*co_await\b"), "a structured binding of an await: name the result first"),
    (re.compile(r"\bco_await\b[^;]*\(\s*\{"), "a braced argument inside an await: name it first"),
    (re.compile(r"\bco_await\b[^;]*?(?<![\w\])\s])\s*\[(?!" + BY_REFERENCE + r"\])[^\]]+\]\s*(?:\(|\{|mutable\b)"),
     "a capturing lambda inside an await: pass arguments or name it first"),
    (re.compile(r"\?[^;]*\bco_await\b"), "an await in a conditional expression: write if and else"),
]
ON_PURPOSE = re.compile(r"// trap on purpose\s*$", re.MULTILINE)
FENCE = re.compile(r"^```cpp[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)

# Comments and literals, the longest first, so that a quote in a comment opens nothing. A separator between digits
# (1'000) is no quote.
NOT_CODE = re.compile(
    r'R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/',
    re.DOTALL)


class Breach:
    def __init__(self, path, line, what):
        self.path, self.line, self.what = path, line, what

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}"


class Tree:
    """The sources below a root, read once."""

    def __init__(self, root):
        self.root = Path(root)
        self.headers = self.read("include/weir", ".hpp")  # by path below include/weir
        self.includes = {path: includes_of(text) for path, text in self.headers.items()}

    def read(self, folder, *suffixes):
        base = self.root / folder
        files = sorted(p for p in base.rglob("*") if p.is_file() and p.suffix in suffixes)
        return {p.relative_to(base).as_posix(): p.read_text(encoding="utf-8") for p in files}

    def sources(self):
        """Every C++ file, by path below the root."""
        for folder in ("include", "examples", "tests", "bench"):
            for path, text in self.read(folder, ".hpp", ".cpp").items():
                yield f"{folder}/{path}", text

    def readme(self):
        path = self.root / "README.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def includes_of(text):
    """(line, delimiter, what) of each include directive."""
    return [(line_of(text, m.start(2)), m.group(1), m.group(2)) for m in INCLUDE.finditer(text)]


def weir_includes(tree, header):
    """(line, path below include/weir) of each of weir's own headers that one includes."""
    return [(line, what[len("weir/"):]) for line, _, what in tree.includes[header] if what.startswith("weir/")]


def code_of(text):
    """The text with comments blanked and literals emptied, each character at its place."""
    return NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def place(header):
    return f"include/weir/{header}"


def folder_of(header):
    """The folder of a file, or of the umbrella that stands for one; "" for weir.hpp and version.hpp."""
    first, _, rest = header.partition("/")
    if rest:
        return first
    stem = first.removesuffix(".hpp")
    return stem if stem in FLOOR else ""


def is_umbrella(header):
    return "/" not in header and header != "version.hpp"


def is_for_authors(text):
    card = re.match(r"(?://[^\n]*\n)*", text).group()
    return bool(CARD_FOR_AUTHORS.search(card))


def known_folders(tree):
    for header in tree.headers:
        if "/" in header and folder_of(header) not in FLOOR:
            yield Breach(place(header), 1, f"the folder {folder_of(header)} stands on no floor; tidy.py lists them")
        if is_umbrella(header) and header != "weir.hpp" and folder_of(header) == "":
            yield Breach(place(header), 1, "neither an umbrella of a folder nor a file of one")


def includes_go_down(tree):
    for header in tree.headers:
        if header == "weir.hpp":
            continue
        own = folder_of(header)
        for line, target in weir_includes(tree, header):
            other = folder_of(target)
            if target == "weir.hpp":
                yield Breach(place(header), line, "includes the whole library")
            elif other == own or own not in FLOOR or other not in FLOOR:
                continue
            elif FLOOR[other] > FLOOR[own]:
                yield Breach(place(header), line, f"{own} looks up to {other}")
            elif FLOOR[other] == FLOOR[own]:
                yield Breach(place(header), line, f"{own} looks sideways to {other}")


def includes_exist(tree):
    for header in tree.headers:
        for line, delimiter, what in tree.includes[header]:
            if delimiter == '"':
                yield Breach(place(header), line, f'"{what}" is quoted: write <weir/...>')
        for line, target in weir_includes(tree, header):
            if target not in tree.headers:
                yield Breach(place(header), line, f"<weir/{target}> does not exist")


def no_cycles(tree):
    finished, trail = set(), []

    def visit(header):
        if header in trail:
            yield trail[trail.index(header):] + [header]
        elif header not in finished and header in tree.headers:
            trail.append(header)
            for _, target in weir_includes(tree, header):
                yield from visit(target)
            trail.pop()
            finished.add(header)

    for header in tree.headers:
        for cycle in visit(header):
            yield Breach(place(cycle[0]), 1, "includes itself: " + " -> ".join(cycle))


def umbrellas_are_complete(tree):
    folders = sorted({folder_of(header) for header in tree.headers if "/" in header})
    for folder in folders:
        files = {header for header in tree.headers if header.startswith(folder + "/")}
        public = {header for header in files if not is_for_authors(tree.headers[header])}
        yield from compare_umbrella(tree, f"{folder}.hpp", public, files - public)
    if tree.headers:
        standing = {f"{folder}.hpp" for folder in folders if f"{folder}.hpp" in tree.headers}
        yield from compare_umbrella(tree, "weir.hpp", {"version.hpp"} | standing, set())


def compare_umbrella(tree, umbrella, wanted, unwanted):
    if umbrella not in tree.headers:
        if wanted:
            yield Breach(place(umbrella), 1, "this umbrella is missing")
        return
    listed = {target for _, target in weir_includes(tree, umbrella)}
    for header in sorted(wanted - listed):
        yield Breach(place(umbrella), 1, f"the umbrella misses <weir/{header}>")
    for header in sorted(unwanted & listed):
        yield Breach(place(umbrella), 1, f"<weir/{header}> is for authors of primitives and stays out of the umbrella")


def title_cards(tree):
    for header, text in tree.headers.items():
        if not re.match(r"// weir/" + re.escape(header) + r": \S", text):
            yield Breach(place(header), 1, f"the first line is not `// weir/{header}: ...`")
    for path, text in tree.sources():
        card = re.match(r"// ([\w./-]+\.[ch]pp): ", text)
        if card and not path.endswith("/" + card.group(1)) and path != card.group(1):
            yield Breach(path, 1, f"the title card speaks of {card.group(1)}")


def one_door(tree):
    for header in tree.headers:
        for line, _, what in tree.includes[header]:
            for pattern, home in ONE_DOOR:
                if pattern.match(what) and header != home:
                    yield Breach(place(header), line, f"only {home} includes <{what}>")


def nothing_costly(tree):
    for header in tree.headers:
        for line, _, what in tree.includes[header]:
            if what in NEVER_INCLUDED:
                yield Breach(place(header), line, f"<{what}> costs every user compile time")


def one_version(tree):
    for path, text in tree.headers.items():
        code = code_of(text)
        for found in re.finditer(r"^namespace weir\b(?!::inline v0\b)", code, re.MULTILINE):
            yield Breach(place(path), line_of(code, found.start()), "a namespace without the version: weir::inline v0")


def one_thread_local(tree):
    for header, text in tree.headers.items():
        if header not in THREAD_LOCAL_HOMES:
            for match in re.finditer(r"\bthread_local\b", code_of(text)):
                yield Breach(place(header), line_of(text, match.start()), f"thread_local belongs to {' or '.join(THREAD_LOCAL_HOMES)}")


def no_await_traps(tree):
    for path, text in tree.sources():
        if not path.startswith("bench/"):
            yield from traps_in(path, text, 0)
    readme = tree.readme()
    for fence in FENCE.finditer(readme):
        yield from traps_in("README.md", fence.group(1), line_of(readme, fence.start(1)) - 1)


def traps_in(path, text, lines_before):
    code = code_of(text)
    for trap, what in TRAPS:
        for match in trap.finditer(code):
            end = text.find("\n", match.end())
            lines = text[match.start():end if end >= 0 else len(text)]
            if not ON_PURPOSE.search(lines):
                yield Breach(path, lines_before + line_of(text, match.start()), what)


def readme_is_compiled(tree):
    readme = tree.readme()
    compiled = [text for folder in ("tests/contract", "examples") for text in tree.read(folder, ".cpp").values()]
    for fence in FENCE.finditer(readme):
        if not any(fence.group(1) in text for text in compiled):
            yield Breach("README.md", line_of(readme, fence.start(1)),
                         "this program stands in no source of tests/contract or examples")


RULES = [known_folders, includes_go_down, includes_exist, no_cycles, umbrellas_are_complete, title_cards, one_door,
         nothing_costly, one_version, one_thread_local, no_await_traps, readme_is_compiled]


def breaches(root):
    tree = Tree(root)
    return [breach for rule in RULES for breach in rule(tree)]


def main(arguments):
    if len(arguments) != 2:
        sys.exit("usage: tidy.py ROOT")
    if not (Path(arguments[1]) / "include/weir").is_dir():
        sys.exit(f"tidy: {arguments[1]} holds no include/weir")
    found = breaches(arguments[1])
    for breach in found:
        print(breach)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main(sys.argv)
