"""A header of the library as Doxygen should see it, line for line.

What is left: the card, as the words on the file and on the class that is named after it; the public declarations, with
their comments; empty bodies. The rest is blank (synopsis.py).
"""
import re

from prose import doxygen_of_comment
from synopsis import Synopsis

_DIVIDER = re.compile(r"^(.*?)\s*-{6,}$")


def doxygen_of_header(text):
    # Names are told without the namespace of the version, whose form Doxygen does not know.
    return "\n".join(_Header(text.replace("::inline v0", "")).filtered())


class _Header:
    def __init__(self, text):
        self._text = text
        self._seen = Synopsis(text)
        self._raw = text.split("\n")
        shown = (char if char == "\n" or not self._seen.hidden[n] else " " for n, char in enumerate(text))
        self._lines = "".join(shown).split("\n")
        self._starts = [0]  # where each line begins
        for line in self._raw:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._parted = set()  # the classes that have such parts
        self._comments = {self._line_of(at): at for at in self._seen.comments}  # by line

    def filtered(self):
        card = next(n for n, line in enumerate(self._raw) if not line.startswith("//"))
        number = card
        while number < len(self._raw):
            if number not in self._comments:
                number += 1
            elif self._stands_alone(number):
                number = self._above_a_declaration(number)
            else:
                number = self._behind_code(number)
        self._lines = [_cleared(line) for line in self._lines]
        group = self._put_card([line[3:] for line in self._raw[:card]])
        for scope in self._parted:
            self._lines[self._line_of(scope.until)] = "/** @} */ " + self._lines[self._line_of(scope.until)]
        for opened, closed in self._seen.namespaces:  # all that the file declares belongs to the group of its folder
            self._lines[self._line_of(closed)] = "/** @} */ " + self._lines[self._line_of(closed)]
            self._lines[self._line_of(opened)] += f" /** @addtogroup {group} @nl@{{ */"
        return self._lines

    def _line_of(self, at):
        return self._text.count("\n", 0, at)

    def _stands_alone(self, number):
        return not self._text[self._starts[number]:self._comments[number]].strip()

    def _column(self, number):
        return self._comments[number] - self._starts[number]

    def _words(self, first, last):
        return [self._text[self._comments[n] + 3:self._starts[n + 1] - 1] for n in range(first, last)]

    def _is_shown(self, number, kinds):
        """Whether a comment stands among the declarations that users see."""
        scope, between, access = self._seen.at_comment[self._comments[number]]
        return scope.kind in kinds and between and access == "public" and not self._seen.hidden[self._comments[number]]

    def _behind_code(self, number):
        """A comment behind a member or an enumerator, which may go on below. Returns the line after it."""
        last = number + 1
        while last in self._comments and self._stands_alone(last) and self._column(last) == self._column(number):
            last += 1
        code = self._lines[number][:self._column(number)].strip()
        if code not in ("", "}", "};") and self._is_shown(number, ("class", "enum")):
            for n, words in zip(range(number, last), doxygen_of_comment(self._words(number, last))):
                self._lines[n] = self._text[self._starts[n]:self._comments[n]] + "///< " + words
        return last

    def _above_a_declaration(self, number):
        """Lines of comment that may belong to what follows them at once. Returns the line after them."""
        last = number
        while last in self._comments and self._stands_alone(last):
            last += 1
        following = self._raw[last].lstrip() if last < len(self._raw) else ""
        if not following or following.startswith(("#", "}", "namespace")) or re.match(r"\w+:(?!:)", following):
            return last
        declaration = self._starts[last] + len(self._raw[last]) - len(following)
        if self._is_shown(number, ("namespace", "class", "enum")) and not self._seen.hidden[declaration]:
            words, indent = self._words(number, last), " " * self._column(number)
            if divider := _DIVIDER.match(words[0]):
                self._lines[number] = indent + self._part(divider[1], self._seen.at_comment[self._comments[number]][0])
                words, number = words[1:], number + 1
            for n, line in zip(range(number, last), doxygen_of_comment(words)):
                self._lines[n] = f"{indent}/// {line}"
        return last

    def _part(self, title, scope):
        """The beginning of a part of a class, under a title with a rule; it ends with the next, or the public part."""
        before = "/** @} */ " if scope in self._parted else ""
        self._parted.add(scope)
        return f"{before}/** @name {title} @nl@{{ */"

    def _put_card(self, card):
        """Returns the group of the header's folder."""
        path, _, sentence = card[0].partition(": ")
        words = doxygen_of_comment([sentence[:1].upper() + sentence[1:], *card[1:]])
        room = next((n for n in range(len(card), len(self._lines)) if self._lines[n].strip()), len(self._lines))
        folder = path.split("/")[1].removesuffix(".hpp")
        group = f"{folder}_reference"
        if path.count("/") == 1:  # an umbrella speaks for its folder
            words = [f"@defgroup {group} {folder}", f"@brief {words[0]}", *words[1:], "",
                     f'With an example: @ref module_{folder} "the page {folder}".']
        else:
            self._put_on_class(path.split("/")[-1].removesuffix(".hpp"), words, len(card) + 1, room)
            words = [f"@file {path} @nl@ingroup {group} @nl {words[0]}", *words[1:]]
        for n, line in enumerate(words[:room]):
            self._lines[n] = f"/// {line}"
        return group

    def _put_on_class(self, stem, words, first, room):
        """The words of the card, and then its own, on the class of that name, where the includes have left room."""
        for name, keyword, at in self._seen.classes:
            if name.split("::")[-1] != stem or self._seen.hidden[at]:
                continue
            where, own = self._line_of(at), []
            while self._lines[where - 1].startswith("///"):
                where -= 1
                own.insert(0, where)
            said = [f"@{keyword} {name}", *words, "", *[self._lines[n].removeprefix("/// ") for n in own]]
            if room - first >= len(said):
                for n in own:
                    self._lines[n] = ""
                for n, line in enumerate(said):
                    self._lines[first + n] = f"/// {line}"
            return


def _cleared(line):
    if line.lstrip().startswith("//"):
        return line
    if re.match(r"\s*#\s*(include|pragma)", line):
        return ""
    line = re.sub(r"(?<=\d)'(?=\d)", "", line)  # which Doxygen takes for the start of a literal
    line = re.sub(r"^(\s*)detail::\w+(?:<[^()]*>)? (?=operator|\w+\()", r"\1auto ", line)
    base = r": (?:public )?detail::\w+(?:<[^{}]*>)?(, | \{)"
    return re.sub(base, lambda end: ": " if end[1] == ", " else "{", line)
