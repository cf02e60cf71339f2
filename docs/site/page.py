"""A page of Markdown as Doxygen should see it: named, its headings too, and linked by these names.

A link to a file of the repository that the site has not becomes its text. One that leads nowhere becomes a
reference that Doxygen does not find, so that the build fails.
"""
import pathlib
import posixpath
import re

PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "docs/*.md", "docs/guide/*.md",
         "docs/modules/*.md", "examples/*.cpp")

_FENCE = re.compile(r"^\s*```(\w*)\s*$")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*$")
_COMMENT = re.compile(r"^<!--.*-->$")
_SPAN = re.compile(r"(`+)(.+?)\1", re.S)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")


def slug(heading):
    """The anchor that a heading has on the pages of a repository."""
    words = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return words.strip().replace(" ", "-")


def headings_of(text):
    """(line, level, heading, anchor) of each heading outside of code."""
    found, seen, in_code = [], {}, False
    for number, line in enumerate(text.splitlines()):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        heading = _HEADING.match(line)
        if heading and not in_code:
            name = slug(heading.group(2))
            again = seen.get(name, 0)
            seen[name] = again + 1
            found.append((number, len(heading.group(1)), heading.group(2), f"{name}-{again}" if again else name))
    return found


def name_of(path):
    """The name of the page that a file becomes."""
    parts = pathlib.PurePosixPath(path)
    if path == "README.md":
        return "index"
    if parts.name == "README.md":
        return f"the_{parts.parent.name}"  # Doxygen has a page `modules` of its own
    folder = {"guide": "guide_", "modules": "module_", "examples": "example_"}.get(parts.parent.name, "")
    return folder + parts.stem.lower()


class Site:
    def __init__(self, root):
        self._root = root
        self.pages = {each.relative_to(root).as_posix(): name_of(each.relative_to(root).as_posix())
                      for pattern in PAGES for each in sorted(root.glob(pattern))}

    def page(self, path, text):
        """The page of a file of Markdown."""
        name, out, running, in_code = self.pages[path], [], [], False
        marks = {number: (level, heading, anchor) for number, level, heading, anchor in headings_of(text)}

        def end_of_text():  # a span of code may go on in the next line
            out.extend(self._inline(path, "\n".join(running)).split("\n") if running else [])
            running.clear()

        for number, line in enumerate(text.splitlines()):
            fence = _FENCE.match(line)
            if fence or in_code or number in marks or _COMMENT.match(line) or not line.strip() or line[0] == "|":
                end_of_text()
            if fence:
                in_code = not in_code
                out.append(line.replace("```cpp", "```{.cc}").replace("```sh", "```{.unparsed}"))
            elif in_code:
                out.append(line)
            elif _COMMENT.match(line):
                out.append("")
            elif number in marks:
                level, heading, anchor = marks[number]
                label = ("mainpage" if name == "index" else name) if number == 0 else f"{name}_{anchor}"
                out.append(f"{'#' * level} {self._inline(path, heading)} {{#{label}}}")
            elif line[:1] == "|":
                out.append(self._inline(path, line))
            else:
                running.append(line)
        end_of_text()
        return "\n".join(out) + "\n"

    def listing(self, path, text):
        """The page that shows a file as it is."""
        language = "{.cc}" if path.endswith(".cpp") else "{.unparsed}"
        return f"# {posixpath.basename(path)} {{#{self.pages[path]}}}\n\n~~~~~{language}\n{text.rstrip()}\n~~~~~\n"

    def _inline(self, path, text):
        out, at = [], 0
        line = _LINK.sub(lambda found: self._link(path, *found.groups()), text)
        for span in _SPAN.finditer(line):
            out += [_plain(line[at:span.start()]), f"<code>{_code(span.group(2))}</code>"]
            at = span.end()
        return "".join([*out, _plain(line[at:])])

    def _link(self, path, image, text, target):
        if re.match(r"[a-z]+:", target):
            return f"{image}[{text}]({target})"
        file, _, anchor = target.partition("#")
        whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path
        if image:
            return f"![{text}]({posixpath.basename(whole)})"
        if whole in self.pages:
            name = self.pages[whole]
            return f"\x01{name}{'_' + anchor if anchor else ''}\x02{text}\x03"
        if (self._root / whole).exists():
            return f"[{text}]({posixpath.basename(whole)})" if whole.endswith(".svg") else text
        return f"\x01nowhere_{slug(whole)}\x02{text}\x03"


def _code(text):
    for char, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\\", "\\\\"), ("@", "\\@"), ("%", "\\%"),
                       ("*", "\\*"), ("_", "\\_"), ("#", "\\#"), ("::", "\\::"), ("--", "\\--"), ('"', "&quot;")):
        text = text.replace(char, name)
    return text.replace("\\\\|", "\\|")


def _plain(text):
    text = re.sub(r"<(?!https?:|/?sup>)", "&lt;", text)
    text = re.sub(r"(?<!\\)([@%])", r"\\\1", text).replace("::", "\\::")
    text = re.sub(r"#(?=\w)", r"\\#", text)
    return re.sub("\x01(.*?)\x02(.*?)\x03", lambda found: f"[{found.group(2)}](@ref {found.group(1)})", text)
