#!/usr/bin/env python3
"""Every C++ block of the guide, of the pages of modules and of the README is code that is compiled.

    snippets.py ROOT            says which blocks differ from their source, and which regions no page shows
    snippets.py --write ROOT    fills the blocks that name their source from it

A block of the guide or of a module's page stands behind a comment that names its source, and is that region of it:

    <!-- tests/docs/thundering_herd.cpp [load] -->
    ```cpp
    ...
    ```

A region lies between two lines `//! [load]` of a test, and is shown without the indentation that its lines share. A
block of the README names nothing: it is a run of lines of tests/contract/readme.cpp, or of an example.
"""
import pathlib
import re
import sys
import textwrap

MARK = re.compile(r"^\s*//! \[([\w ]+)\]\s*$")
NAMED = re.compile(r"^<!-- (tests/docs/[\w/]+\.cpp) \[([\w ]+)\] -->$")


def regions_of(text):
    """The regions of a source, by name, and what is wrong with its marks."""
    open_at, found, wrong = {}, {}, []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        mark = MARK.match(line)
        if not mark:
            continue
        name = mark.group(1)
        if name in open_at:
            body = [each for each in lines[open_at.pop(name):number] if not MARK.match(each)]
            found[name] = textwrap.dedent("\n".join(body)).strip("\n")
        elif name in found:
            wrong.append(f"line {number + 1}: a second region [{name}]")
        else:
            open_at[name] = number + 1
    wrong += [f"line {at}: region [{name}] has no end" for name, at in open_at.items()]
    return found, wrong


def blocks_of(text):
    """The C++ blocks of a page: (line of the fence, source and region or None, text, first and last line of the text)."""
    lines = text.splitlines()
    found, at = [], 0
    while at < len(lines):
        if lines[at].strip() != "```cpp":
            at += 1
            continue
        end = at + 1
        while end < len(lines) and lines[end].strip() != "```":
            end += 1
        named = NAMED.match(lines[at - 1]) if at else None
        found.append((at + 1, named.groups() if named else None, "\n".join(lines[at + 1:end]), at + 1, end))
        at = end + 1
    return found


def is_run_of_lines(block, sources):
    """Whether the block's lines stand one after another in one of the sources."""
    wanted = "\n" + textwrap.dedent(block).strip("\n") + "\n"
    return any(wanted in "\n" + text + "\n" for text in sources)


def check(root, write=False):
    """What is wrong, a line each."""
    wrong, regions, shown = [], {}, set()
    for source in sorted((root / "tests/docs").rglob("*.cpp")):
        name = source.relative_to(root).as_posix()
        regions[name], marks = regions_of(source.read_text(encoding="utf-8"))
        wrong += [f"{name}: {each}" for each in marks]
    for page in sorted([*(root / "docs/guide").rglob("*.md"), *(root / "docs/modules").rglob("*.md")]):
        name = page.relative_to(root).as_posix()
        text = page.read_text(encoding="utf-8")
        lines = text.splitlines()
        for number, source, block, first, last in reversed(blocks_of(text)):
            if not source:
                wrong.append(f"{name}:{number}: a block that does not name its source")
                continue
            shown.add(source)
            region = regions.get(source[0], {}).get(source[1])
            if region is None:
                wrong.append(f"{name}:{number}: there is no region [{source[1]}] in {source[0]}")
            elif region != block:
                if write:
                    lines[first:last] = region.splitlines()
                else:
                    wrong.append(f"{name}:{number}: differs from {source[0]} [{source[1]}]")
        if write and lines != text.splitlines():
            page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    wrong += [f"{source}: no page shows region [{each}]"
              for source, all_of in regions.items() for each in all_of if (source, each) not in shown]
    compiled = [each.read_text(encoding="utf-8")
                for each in [root / "tests/contract/readme.cpp", *sorted((root / "examples").rglob("*.cpp"))]
                if each.exists()]
    readme = (root / "README.md").read_text(encoding="utf-8")
    wrong += [f"README.md:{number}: a block that no compiled program has"
              for number, _, block, _, _ in blocks_of(readme) if not is_run_of_lines(block, compiled)]
    return wrong


def main(arguments):
    write = "--write" in arguments
    roots = [each for each in arguments if each != "--write"]
    if len(roots) != 1:
        sys.exit(__doc__)
    wrong = check(pathlib.Path(roots[0]), write)
    for each in wrong:
        print(each)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
