# bench/http/beside.py: what weir's servers are to reach beside one of the others, by name, and in bytes.

from verdicts import holds


def beside(table, name, key, what, most=None, least=None):
    """A line for each of weir's: how its figure stands to that of the one called `name`, round by round."""
    bound = f"at most {most:g}" if most is not None else f"at least {least:g}"
    for weir in table.of("weir"):
        for other in (c for c in table.of("other") if c.name == name):
            ratio = table.ratio(weir, other, key)
            if ratio is not None:
                yield [table.title, f"{weir.name}: {what} {bound} × that of {name}", f"{ratio:.3f} ×",
                       holds(ratio <= most if most is not None else ratio >= least)]


def at_least(table, key, limit, what):
    """A line for each of weir's: its own figure against a limit from below."""
    for weir in table.of("weir"):
        found = table.value(weir, key)
        if found is not None:
            yield [table.title, f"{weir.name}: {what} at least {limit:,}", f"{found:,.0f}", holds(found >= limit)]


def smaller(title, sizes, name, limit):
    """The line of a program's size, or none where it was not built."""
    if name in sizes:
        yield [title, f"{name}: at most {limit / 1e6:g} MB", f"{sizes[name] / 1e6:.2f} MB", holds(sizes[name] <= limit)]
