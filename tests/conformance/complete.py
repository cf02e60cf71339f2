#!/usr/bin/env python3
"""tests/conformance/complete.py ROOT: every public awaitable of the library has a line in the conformance suite.

Finds in the headers what can be awaited: functions that give a task, an operation or an awaiter, and classes that are
one. Those in headers for authors of primitives, in `namespace detail` and behind `private:` are nobody's to await. A line
is named `class::function`, and speaks for the function wherever the class has it from; others that follow the comma have
the same class. What is tried by another line, or cannot be, is excused below; an excuse that is no longer true is a
breach, too.
"""

import re
import sys
from pathlib import Path

# `=name`: another line puts the same code through its trials. Anything else says why there is nothing to try.
EXCUSED = {
    # What does not wait.
    "check": "ends or goes on, and waits for nothing",
    "scope::join": "=in_scope",
    "forked": "=fork_join",
    "map_concurrent": "=results::recv",
    "unordered": "=results::recv",
    "run_named": "is what runtime::spawn makes of a name, and is awaited by nobody else",
    "checkpoint": "=yield",
    "prefetched": "is awaited on a thread without stops or executors: see unit/coro/interleave",
    "this_coroutine": "tells, and waits for nothing",
    "this_task": "tells, and waits for nothing",
    "use_context": "sets, and waits for nothing",
    # What is another by another name.
    "io::poll_writable": "=io::poll_readable",
    "net::accepted::next": "=io::accept_stream::next",
    "net::stream_socket::readable": "=io::poll_readable",
    "net::stream_socket::recv": "=io::recv",
    "net::stream_socket::recv_block": "=io::recv_block",
    "net::stream_socket::send": "=io::send",
    "net::stream_socket::send_zc": "=io::send_zc",
    "net::udp_socket::send_to": "=io::send_to",
    "net::unix_datagram::recv_with": "=net::unix_socket::recv_with",
    "net::unix_datagram::send_with": "=net::unix_socket::send_with",
    "net::resolver::close": "=coalescer::close",
    "read_ahead": "=results::recv",
    "with_priority": "=task",
}

# Folders of the floors below coroutines.
BELOW = {"base", "cpu", "simd", "metrics", "queue", "memory"}

NOT_CODE = re.compile(r'R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"'
                      r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'"
                      r"|//[^\n]*|/\*.*?\*/|^[ \t]*#(?:\\\n|[^\n])*", re.DOTALL | re.MULTILINE)
FOR_AUTHORS = re.compile(r"\A(?://[^\n]*\n)*// For:\s+authors of primitives\b")
TYPE = re.compile(r"\b(?:class|struct)\s+(?:\[\[\w+\]\]\s*)?(?:[A-Z_]+\s+)*(?:alignas\([^)]*\)\s*)?"
                  r"(\w+(?:<[^<>]*>)?(?:::\w+(?:<[^<>]*>)?)*)\s*(?:final\s*)?(?::\s*(?!:)(.*))?\Z", re.DOTALL)
AWAITS = re.compile(r"\b(?:task|operation|blocking_operation|asking)\s*<")
FUNCTION = re.compile(r"(?<![\w~.>])([a-z]\w*)\s*\(")
NO_FUNCTIONS = {"alignas", "begin", "co_await", "decltype", "end", "explicit", "if", "noexcept", "operator", "requires",
                "static_assert", "void"}


class Declaration:
    def __init__(self, scope, public, head, body):
        self.scope, self.public, self.head, self.body = scope, public, head, body

    def name(self):
        head = re.sub(r"\brequires\b.*?(?=\b(?:auto|task|operation)\b)", " ", self.head, flags=re.DOTALL)
        for match in FUNCTION.finditer(head):
            if match.group(1) not in NO_FUNCTIONS:
                return match.group(1), head[:match.start()], head[match.end():]
        return None


class Headers:
    """What the headers declare."""

    def __init__(self, texts):
        self.declarations, self.bases, self.aliases, self.awaiters = [], {}, {}, set()
        for text in texts:
            self.read(NOT_CODE.sub(" ", text), not FOR_AUTHORS.match(text))

    def read(self, code, for_users):
        scopes = []  # (name or None for a body, public)
        since = 0
        for match in re.finditer(r"[{};]|\b(?:public|private|protected)\s*:(?!:)", code):
            inside_body = any(name is None for name, _ in scopes)
            head = code[since:match.start()].strip()
            mark = match.group()
            if mark == "{":
                scopes.append(self.opened(head, scopes, for_users, inside_body, code, match.end()))
            elif mark == "}":
                if scopes:
                    scopes.pop()
            elif mark == ";":
                if not inside_body:
                    self.declared(head, "", scopes, for_users)
            elif scopes and not inside_body:
                scopes[-1] = (scopes[-1][0], mark.startswith("public"))
            if not inside_body or mark in "{}":
                since = match.end()

    def opened(self, head, scopes, for_users, inside_body, code, begin):
        if inside_body:
            return None, False
        space = re.search(r"\bnamespace\s*([\w:]*)\s*\Z", head.replace("::inline v0", ""))
        if space:
            return space.group(1).removeprefix("weir").removeprefix("::"), True
        kind = TYPE.search(head)
        if kind and "(" not in kind.group(1) and not re.search(r"\)\s*(?:const|noexcept|\s)*\Z", head):
            name = re.sub(r"<[^<>]*>", "", kind.group(1))
            self.bases.setdefault(name.split("::")[-1], set()).update(re.findall(r"\w+", kind.group(2) or ""))
            is_class = "class" in head[kind.start():kind.start() + 6]
            self.declared(head, "", scopes, for_users)
            return name, not is_class
        self.declared(head, self.body_at(code, begin), scopes, for_users)
        return None, False

    @staticmethod
    def body_at(code, begin):
        depth = 1
        for match in re.finditer(r"[{}]", code[begin:]):
            depth += 1 if match.group() == "{" else -1
            if depth == 0:
                return code[begin:begin + match.start()]
        return code[begin:]

    def declared(self, head, body, scopes, for_users):
        names = [name for name, _ in scopes if name]
        alias = re.search(r"\busing\s+(\w+)\s*=\s*(?:\w+::)*(\w+)", head)
        if alias:
            self.aliases.setdefault(alias.group(2), set()).add(alias.group(1))
        if names and not alias and re.search(r"\bawait_ready\s*\(|\boperator\s+co_await\b", head):
            self.awaiters.add(names[-1].split("::")[-1])
        inner = {"detail", "promise_type"} & set("::".join(names).split("::"))
        public = for_users and not inner and all(shown for _, shown in scopes)
        self.declarations.append(Declaration("::".join(names), public, head, body))

    def awaited(self):
        """Names of what can be awaited, and whether a user can."""
        found, waits = {}, set()
        shown = {f"{one.scope}::{one.name()[0]}" for one in self.declarations if one.public and one.name()}
        awaiter = re.compile(r"\b(?:" + "|".join(sorted(self.awaiters)) + r")\b") if self.awaiters else None
        changed = True
        while changed:
            changed = False
            for one in self.declarations:
                parts = one.name()
                if not parts or re.search(r"\b(?:using|friend|return|new|typedef)\b", parts[1]):
                    continue
                name, before, behind = parts
                if name == one.scope.split("::")[-1]:
                    continue  # a constructor
                trailing = behind[behind.rfind("->"):] if "->" in behind and "auto" in before else ""
                given = re.sub(r"\btemplate\s*<.*>\s*(?=(?:inline|static|auto|task|operation|\[\[))", " ", before,
                               flags=re.DOTALL) + trailing
                if not given.strip() or given.strip() in ("explicit", "inline", "constexpr"):
                    continue
                direct = AWAITS.search(given) or (awaiter and awaiter.search(given))
                if not direct and re.search(r"\bauto\b", before) and not trailing:
                    calls = {each for each in re.findall(r"\breturn\b[^;]*", one.body)}
                    direct = any(AWAITS.search(each) or (awaiter and awaiter.search(each)) or
                                 any(word in waits for word in re.findall(r"(\w+)\s*\(", each)) for each in calls)
                if not direct:
                    continue
                outside = re.search(r"(\w+)\s*(?:<[^<>]*>)?\s*::\s*\Z", before)  # of its class
                whole = "::".join(filter(None, (one.scope, outside and outside.group(1), name)))
                public = whole in shown if outside else one.public
                if whole not in found or (public and not found[whole]):
                    found[whole] = public
                    waits.add(name)
                    changed = True
        for one in self.declarations:  # classes that are awaited themselves
            kind = TYPE.search(one.head)
            name = kind.group(1) if kind else ""
            if one.public and name in self.awaiters and not name.endswith("awaiter"):
                found["::".join(filter(None, (one.scope, name)))] = True
        return {name for name, public in found.items() if public}

    def same(self, name):
        """The names under which a function of a class goes elsewhere: in a base, behind an alias."""
        *spaces, owner, function = name.split("::") if "::" in name else ("", "", name)
        todo, seen = [owner], {owner}
        while todo:
            one = todo.pop()
            below = set(self.bases.get(one, ()))
            below |= {of for of, names in self.aliases.items() if one in names}
            todo += below - seen
            seen |= below
        return {"::".join(filter(None, (*spaces, each, function))) for each in seen}


def rows_of(root):
    """The names of the suite's lines: those that are to be functions, and all that they may stand for."""
    first, every = [], set()
    for path in sorted((root / "tests/conformance").glob("*.cpp")):
        if path.name == "self_test.cpp":
            continue
        for text in re.findall(r'\.name\s*=\s*"([^"]*)"', path.read_text(encoding="utf-8")):
            names = [part.split()[0] for part in text.split(", ")]
            first.append(names[0])
            owner = names[0].rpartition("::")[0]
            every.update(each if "::" in each or not owner else f"{owner}::{each}" for each in names)
    return first, every


def breaches(root, excused=None):
    root = Path(root)
    excused = EXCUSED if excused is None else excused
    files = sorted((root / "include/weir").rglob("*.hpp"))
    headers = Headers(path.read_text(encoding="utf-8") for path in files if path.parent.name not in BELOW)
    awaited = headers.awaited()
    first, rows = rows_of(root)
    covered = {same for row in rows for same in headers.same(row)}
    for name in sorted(awaited - covered - set(excused)):
        yield f"{name} has no line in tests/conformance, and no excuse in complete.py"
    for name in sorted(first):
        if not headers.same(name) & awaited:
            yield f"the line {name} is that of nothing which can be awaited"
    for name, why in sorted(excused.items()):
        if name not in awaited:
            yield f"{name} is excused, and is nothing that can be awaited"
        elif name in covered:
            yield f"{name} is excused, and has a line"
        elif why.startswith("=") and why[1:] not in rows:
            yield f"{name} is excused by {why[1:]}, which has no line"


def main(arguments):
    if len(arguments) != 2 or not (Path(arguments[1]) / "include/weir").is_dir():
        sys.exit("usage: complete.py ROOT")
    found = list(breaches(arguments[1]))
    for breach in found:
        print(breach)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main(sys.argv)
