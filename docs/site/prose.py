"""The words of a comment, in Doxygen's form: a line becomes a line.

A label of the house (Needs: Returns: Cost: ...) becomes a paragraph with a heading, code of a card an example, names of
code are set as code, and what Doxygen or Markdown would take for a command is only text. `@nl` and `@label` are aliases
of the Doxyfile: a new line within a line, and a heading.
"""
import re

LABELS = "Needs|Returns|Errors|Error|Threads|Cancel|Order|Cost|Source|Progress|Not|Note|For|Memory|States"
_LABEL_FIRST = re.compile(rf"({LABELS}):\s+(?=\S)")
_LABEL_WITHIN = re.compile(rf"(?<=[.;)])\s+({LABELS}):\s+(?=\S)")
_CODE = re.compile(
    r"`[^`]+`"                                                        # said to be code
    r"|[A-Za-z_]\w*(?:::~?[A-Za-z_]\w*)+(?:<[^<>]*(?:<[^<>]*>[^<>]*)*>)?(?:\(\))?"  # a::b, a::b<c>, a::b()
    r"|[A-Za-z_]\w*<[^<>=]*(?:<[^<>]*>[^<>]*)*>(?:\(\))?"                 # a<b>, a<b<c>>
    r"|\b(?:\w+/)*\w+\.hpp\b"                                            # a/b.hpp
    r"|\b(?:[a-z]\w*\.)*[a-z]\w*_\w+(?:\(\))?"                            # a_b, a.b_c
    r"|\b[A-Za-z_]\w*\(\)"                                               # a()
)
_SPECIAL = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "\\@", "\\": "\\\\", "#": "\\#", "*": "\\*",
                          "%": "\\%", "$": "\\$", '"': "&quot;"})


def prose(text):
    """A piece of running text, its code set as code."""
    out, at = [], 0
    for found in _CODE.finditer(text):
        out += [_plain(text[at:found.start()]), "<code>", _plain(found.group().strip("`")), "</code>"]
        at = found.end()
    return "".join([*out, _plain(text[at:])])


def _plain(text):
    # Doxygen makes a link of any word behind two colons, and warns where there is no such thing.
    return text.translate(_SPECIAL).replace("::", "\\::").replace("--", "\\--")


def _sentence(text):
    out, at = [], 0
    for found in _LABEL_WITHIN.finditer(text):
        out += [prose(text[at:found.start()]), f"@label{{{found.group(1)}}}"]
        at = found.end()
    return "".join([*out, prose(text[at:])])


def doxygen_of_comment(lines):
    """`lines` are what stands behind `//` and one blank; as many lines are given back."""
    out, in_code, in_label, ended = [], False, False, True
    for number, line in enumerate(lines):
        indented = line.startswith("    ")
        text = line.strip()
        label = _LABEL_FIRST.match(text) if not indented else None
        code = indented and not in_label
        if code:
            out.append(("" if in_code else "@code{.cc}") + line[4:])
            in_code = True
            continue
        if in_code:
            out[-1] += " @endcode"
            in_code = False
        if not text:
            out.append("")
            in_label, ended = False, True
        elif label:
            out.append(f"@label{{{label.group(1)}}}" + _sentence(text[label.end():]))
            in_label, ended = True, text.endswith((".", ":", ";"))
        else:
            fresh = in_label and not indented and ended
            out.append(("@nl @nl " if fresh else "") + _sentence(text))
            within = list(_LABEL_WITHIN.finditer(text))
            in_label = bool(within) or (in_label and not fresh)
            ended = text.endswith((".", ":", ";"))
    if in_code:
        out[-1] += " @endcode"
    return out
