"""What of a header is a user's business: a reading of its braces, not of its meaning.

Hidden are `namespace detail`, what is private, bodies, definitions that stand below their class, nested classes that are
private, and assertions at compile time.
"""
import re

_CLASS = re.compile(r"^\s*(?:\[\[.*?\]\]\s*)*(class|struct|union|enum)\b(.*)$", re.S)
_BELOW_ITS_CLASS = re.compile(r"(?:\w|>)\s*::\s*(?:~?\w+|operator\b[^(]*)\s*(?:\(|\{|=[^=])")
_INNER = re.compile(r"(static_assert|friend\s+(class|struct|detail\b)|template[^;{]*friend\s+class)")
_DIRECTIVE = re.compile(r"[ \t]*#(?:\\\n|[^\n])*")
_WITHIN = ("body", "requirement")


class _Scope:
    def __init__(self, kind, name="", start=0, opened=0, depth=0, access="public"):
        self.kind, self.name, self.start, self.opened, self.depth = kind, name, start, opened, depth
        self.access = access
        self.until = None  # where the public part ends in which a comment stands


def _code_of(text):
    """The text with comments, literals and directives blanked, character for character; and where comments begin."""
    out, comments, at, size = list(text), [], 0, len(text)

    def blank(first, last):
        for n in range(first, last):
            if out[n] != "\n":
                out[n] = " "

    while at < size:
        line_start = at == 0 or text[at - 1] == "\n"
        if line_start and (directive := _DIRECTIVE.match(text, at)):
            comment = text.find("//", at, directive.end())
            blank(at, directive.end() if comment < 0 else comment)
            at = directive.end()
            blank(at if comment < 0 else comment, at)
        elif text.startswith("//", at):
            end = text.find("\n", at)
            end = size if end < 0 else end
            comments.append(at)
            blank(at, end)
            at = end
        elif text.startswith("/*", at):
            end = text.find("*/", at) + 2
            blank(at, end)
            at = end
        elif text[at] == '"' or (text[at] == "'" and not text[at - 1].isalnum()):
            end = at + 1
            while text[end] != text[at]:
                end += 2 if text[end] == "\\" else 1
            blank(at + 1, end)
            at = end + 1
        else:
            at += 1
    return "".join(out), comments


def _without_template_head(head):
    """The head of a declaration behind its template parameters; what it requires may still be in front."""
    while found := re.match(r"\s*template\s*<", head):
        depth, at = 1, found.end()
        while at < len(head) and depth:
            depth += {"<": 1, ">": -1}.get(head[at], 0) if head[at - 1:at + 1] not in ("->", "<=") else 0
            at += 1
        head = head[at:]
    return head


def _kind_of(head):
    """What a brace opens, by what stands before it: (kind, name)."""
    if found := re.search(r"\bnamespace\b\s*([\w:]*)\s*$", head):
        return "namespace", found.group(1)
    if re.match(r'\s*extern\s*"', head):
        return "namespace", ""
    rest = _without_template_head(head)
    if rest.lstrip().startswith("requires"):
        if found := re.search(r"\b(class|struct|union)\s+(?:WEIR_\w+\s+)*(\w+)(?:<[^{}]*>)?\s*(?:final\s*)?(?::[^:].*)?$",
                              rest, re.S):
            return "class", found.group(2)
        return "body", ""
    if found := _CLASS.match(rest):
        words = re.sub(r"\[\[.*?\]\]|alignas\s*\([^)]*\)|WEIR_\w+", " ", found.group(2), flags=re.S)
        name = re.match(r"\s*(?:class\s|struct\s)?\s*([\w:]+)", words)
        if "(" not in re.split(r"(?<!:):(?!:)", words)[0]:
            kind = "enum" if found.group(1) == "enum" else "class"
            return kind, name.group(1) if name else ""
    return "body", ""


class Synopsis:
    def __init__(self, text):
        self.text = text
        self.code, self.comments = _code_of(text)
        self.hidden = bytearray(len(text))       # what is blanked
        self.at_comment = {}                     # (scope, between declarations?, access) where one begins
        self.classes = []                        # (full name, keyword, where its declaration begins) at namespace scope
        self.public_nested = set()               # classes of classes that are defined further down
        self.namespaces = []                     # where the braces of weir's namespaces are
        self._walk()

    def _hide(self, first, last):
        for n in range(first, last):
            self.hidden[n] = 1

    def _walk(self):
        code, stack, start, depth = self.code, [_Scope("namespace")], None, 0
        comments = iter(self.comments + [len(code) + 1])
        comment = next(comments)
        for at, char in enumerate(code):
            top = stack[-1]
            if at == comment:
                self.at_comment[at] = (top, start is None, top.access)
                comment = next(comments)
            if char.isspace():
                continue
            if start is None:
                start = at
            if char in "([":
                depth += 1
            elif char in ")]":
                depth -= 1
            elif char == "{":
                head = code[start:at]
                kind, name = _kind_of(head) if depth == 0 and top.kind not in _WITHIN else ("body", "")
                if kind == "body" and re.search(r"\brequires\s*(\([^{}]*\))?\s*$", head):
                    kind = "requirement"
                access = "private" if kind == "class" and re.search(r"\bclass\b", code[start:at]) else "public"
                if kind in ("class", "enum") and top.kind == "namespace":
                    spaces = [each.name for each in stack if each.name]
                    keyword = re.findall(r"\b(class|struct|union|enum)\b", _without_template_head(code[start:at]))[0]
                    self.classes.append(("::".join([*spaces, name]), keyword, start))
                stack.append(_Scope(kind, name, start, at, depth, access))
                start, depth = None, 0
            elif char == "}":
                gone = stack.pop()
                gone.until = at if gone.until is None else gone.until
                start, depth = gone.start, gone.depth
                if gone.kind == "namespace":
                    if gone.name.split("::")[-1] == "detail":
                        self._hide(gone.start, at + 1)
                    elif gone.name.split("::")[0] == "weir":
                        self.namespaces.append((gone.opened, at))
                    start = None
                elif gone.kind == "body" and depth == 0 and stack[-1].kind not in _WITHIN:
                    following = code[at + 1:].lstrip()[:1]
                    if following not in ";,{&|=":
                        self._hide(gone.opened + 1, at)
                        self._end(stack[-1], start, at + 1)
                        start = None
            elif char == ";" and depth == 0 and top.kind not in _WITHIN:
                self._end(top, start, at + 1)
                start = None
            elif char == "," and top.kind == "enum" and depth == 0:
                start = None
            elif char == ":" and top.kind == "class" and depth == 0:
                word = code[start:at].strip()
                if word in ("public", "protected", "private"):
                    if word != "public" and top.access == "public" and top.until is None:
                        top.until = start
                    top.access = "public" if word == "public" else "private"
                    start = None

    def _end(self, scope, first, last):
        """A declaration has ended: is it a user's business?"""
        head = self.code[first:last]
        if scope.kind == "class":
            declared = re.match(r"(?:template\s*<.*>\s*)?(?:class|struct)\s+(\w+)\s*;", head, re.S)
            machinery = declared and declared.group(1) in ("promise_type", "awaiter")
            if declared and scope.access == "public" and not machinery:
                self.public_nested.add(declared.group(1))
            inner = _INNER.match(head) or "detail::" in head.split("(")[0] and "using" in head
            if machinery or inner or scope.access != "public":
                self._hide(first, last)
        elif scope.kind == "namespace":
            declarator = _without_template_head(head).split("{")[0]
            nested = re.search(r"^\s*(?:class|struct)\s+\w+(?:<[^{]*>)?::(\w+)", declarator)
            if nested and nested.group(1) not in self.public_nested:
                self._hide(first, last)
            if not declarator.lstrip().startswith("requires"):
                declarator = declarator.split("requires")[0]
            whole = re.match(r"\s*(using|inline constexpr|concept|friend)\b", declarator)
            below = not whole and _BELOW_ITS_CLASS.search(declarator)
            if below or re.match(r"static_assert|using\s+detail::", head):
                self._hide(first, last)
