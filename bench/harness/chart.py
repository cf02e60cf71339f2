# bench/harness/chart.py: pictures as SVG: lines over two axes, linear or logarithmic, with a name at each line; and bars
# that begin at 1, for who is slower and who is faster than a yardstick.
# They stand on light and on dark pages: no background, and colours of middling lightness. The same input gives the same
# bytes.

import math
from xml.sax.saxutils import escape

COLOURS = ["#3b82c4", "#d9822b", "#4a9e5c", "#b8559e", "#8a7fd1", "#7d7d7d"]
INK = "#808080"
MARGIN = (64, 40, 132, 52)  # left, top, right, bottom; names stand on the right


class Axis:
    """`ticks` are values that are written; chosen where they are not given. Values of a log axis are above zero."""

    def __init__(self, title, log=False, ticks=None):
        self.title = title
        self.log = log
        self.ticks = ticks

    def span(self, values):
        low, high = min(values), max(values)
        if self.log:
            return (low, high) if high > low else (low / 2, high * 2)
        low = min(low, 0)
        return (low, high) if high > low else (low, low + 1)

    def place(self, value, span):
        """Where in the span a value lies, from 0 to 1."""
        low, high = span
        if self.log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    def marks(self, span):
        low, high = span
        if self.ticks:
            return [tick for tick in self.ticks if low <= tick <= high]
        if self.log:
            decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            found = [10.0**n for n in decades if low <= 10.0**n <= high]
            if len(found) < 3:
                found = [f * 10.0**n for n in decades for f in (1, 2, 5) if low <= f * 10.0**n <= high]
            return found
        step = 10 ** math.floor(math.log10((high - low) / 2))
        step = next(step * times for times in (1, 2, 5, 10) if (high - low) / (step * times) <= 6)
        return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def text_of(value):
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g} {name}"
    return f"{value:g}"


def head(title, width, height):
    return [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'font-family="sans-serif" font-size="12" fill="{INK}" role="img">', f"<title>{escape(title)}</title>"]


def word(a, b, text, anchor="middle", more=""):
    return f'<text x="{a:.1f}" y="{b:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def line_chart(title, x, y, lines, width=680, height=360):
    """The SVG text. `lines` maps a name to its points [(x, y), ...]; `x` and `y` are axes."""
    left, top, right, bottom = MARGIN
    inner_width, inner_height = width - left - right, height - top - bottom
    points = [point for line in lines.values() for point in line]
    if not points:
        raise ValueError(f"{title}: nothing to draw")
    x_span, y_span = x.span([a for a, _ in points]), y.span([b for _, b in points])

    def at(point):
        return left + x.place(point[0], x_span) * inner_width, top + (1 - y.place(point[1], y_span)) * inner_height

    out = [*head(title, width, height), word(left + inner_width / 2, 22, title, more=' font-size="14"')]
    for mark in x.marks(x_span):
        a = left + x.place(mark, x_span) * inner_width
        out.append(f'<path d="M{a:.1f} {top}V{top + inner_height}" stroke="{INK}" stroke-opacity=".2"/>')
        out.append(word(a, top + inner_height + 18, text_of(mark)))
    for mark in y.marks(y_span):
        b = top + (1 - y.place(mark, y_span)) * inner_height
        out.append(f'<path d="M{left} {b:.1f}H{left + inner_width}" stroke="{INK}" stroke-opacity=".2"/>')
        out.append(word(left - 8, b + 4, text_of(mark), "end"))
    out.append(f'<path d="M{left} {top}V{top + inner_height}H{left + inner_width}" fill="none" stroke="{INK}"/>')
    out.append(word(left + inner_width / 2, height - 12, x.title))
    middle = top + inner_height / 2
    out.append(word(14, middle, y.title, more=f' transform="rotate(-90 14 {middle:.1f})"'))
    ends = _names_apart([(at(line[-1])[1], name) for name, line in lines.items() if line], 14)
    for number, (name, line) in enumerate(lines.items()):
        if not line:
            continue
        colour = COLOURS[number % len(COLOURS)]
        places = [at(point) for point in line]
        out.append(f'<path d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in places)}" fill="none" stroke="{colour}" '
                   'stroke-width="2" stroke-linejoin="round"/>')
        out += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5" fill="{colour}"/>' for a, b in places]
        out.append(word(left + inner_width + 8, ends[name] + 4, name, "start", f' fill="{colour}"'))
    return "\n".join([*out, "</svg>"]) + "\n"


def _names_apart(ends, apart):
    """The heights at which names stand, so that none covers another."""
    placed, last = {}, -math.inf
    for height, name in sorted(ends):
        last = max(height, last + apart)
        placed[name] = last
    return placed


SLOWER, FASTER = COLOURS[0], COLOURS[1]
BAR, GAP, NAMES, FIGURES = 17, 30, 290, 104  # heights of a bar and of a group's title, widths left and right of the bars


def ratio_chart(title, groups, width=780):
    """The SVG text. `groups` are (title, yardstick, [(name, ratio, spread), ...]): a ratio below 1 is slower than the
    yardstick, and its bar goes to the left of the line at 1, on a logarithmic axis; the spread is a whisker.
    """
    groups = [group for group in groups if group[2]]
    if not groups:
        raise ValueError(f"{title}: nothing to draw")
    ratios = [ratio for _, _, bars in groups for _, ratio, _ in bars]
    low, high = max(0.01, min([0.5, *ratios]) / 1.15), min(100, max([2, *ratios]) * 1.15)
    inner, top = width - NAMES - FIGURES, 58
    height = top + sum(GAP + BAR * len(bars) for _, _, bars in groups) + 14

    def at(ratio):
        ratio = min(max(ratio, low), high)
        return NAMES + inner * math.log(ratio / low) / math.log(high / low)

    out = [*head(title, width, height), word(width / 2, 20, title, more=' font-size="14"')]
    for mark in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100):
        if low <= mark <= high:
            stroke = "" if mark == 1 else ' stroke-opacity=".2"'
            out.append(f'<path d="M{at(mark):.1f} {top - 8}V{height - 8}" stroke="{INK}"{stroke}/>')
            out.append(word(at(mark), top - 14, f"{mark:g} ×", more=' font-size="11"'))
    y = top
    for name, yardstick, bars in groups:
        out.append(word(8, y + 20, f"{name} ({yardstick} = 1)", "start", ' font-weight="bold"'))
        y += GAP
        for label, ratio, spread in bars:
            colour, middle = FASTER if ratio > 1 else SLOWER, y + BAR / 2
            out.append(word(NAMES - 8, middle + 4, label, "end"))
            first, last = sorted((at(1), at(ratio)))
            out.append(f'<rect x="{first:.1f}" y="{y + 2}" width="{max(last - first, 1):.1f}" height="{BAR - 5}" '
                       f'fill="{colour}" fill-opacity=".75"/>')
            out.append(f'<path d="M{at(max(ratio - spread, low)):.1f} {middle - 0.5:.1f}H{at(ratio + spread):.1f}" '
                       f'stroke="{INK}" stroke-width="2"/>')
            out.append(word(width - FIGURES + 10, middle + 4, _figures(ratio, spread), "start"))
            y += BAR
    return "\n".join([*out, "</svg>"]) + "\n"


def _figures(ratio, spread):
    digits = 2 if ratio >= 0.095 else len(f"{ratio:.2g}") - 2
    return f"{ratio:.{digits}f} ± {spread:.{digits}f}"
