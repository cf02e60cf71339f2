# bench/harness/report.py: the Markdown table that is read and the JSON document that is kept.
# Run as a program it joins the documents of several subjects into one:  report.py OUT IN...

import json
import sys


class Column:
    """One measure: its key in a sample, its title with the unit, and the digits that mean something."""

    def __init__(self, key, title, digits=0):
        self.key = key
        self.title = title
        self.digits = digits


class Row:
    """One contender. `summaries` maps a column's key to a stats.Summary and is empty for who was not measured."""

    def __init__(self, name, summaries, samples=(), notes=()):
        self.name = name
        self.summaries = summaries
        self.samples = list(samples)
        self.notes = list(notes)


class Report:
    def __init__(self, subject, title, machine, settings, columns, rows, notes=()):
        self._subject = subject
        self.title = title
        self._machine = machine
        self._settings = settings
        self._columns = columns
        self._rows = rows
        self._notes = list(notes)

    def markdown(self):
        return "\n".join([f"## {self.title}", "", *self.table(), "", *self.conditions()]) + "\n"

    def table(self):
        """The lines of the table alone."""
        head = ["contender"] + [column.title for column in self._columns] + ["remarks"]
        rows = [[row.name, *[_cell(row.summaries.get(column.key), column.digits) for column in self._columns],
                 "; ".join(row.notes)] for row in self._rows]
        return table_of(head, rows, figures=range(1, 1 + len(self._columns)))

    def conditions(self):
        """The lines that say what the figures are and on what they were taken."""
        return ["Median ± median absolute deviation.", "",
                *[f"- {note}" for note in self._notes],
                *[f"- {name}: {value}" for name, value in self._machine.items()]]

    def document(self):
        return {
            "subject": self._subject,
            "title": self.title,
            "machine": self._machine,
            "settings": self._settings,
            "notes": self._notes,
            "contenders": [
                {
                    "name": row.name,
                    "notes": row.notes,
                    "summary": {key: {"median": summary.median, "spread": summary.spread, "count": summary.count}
                                for key, summary in row.summaries.items()},
                    "samples": row.samples,
                }
                for row in self._rows
            ],
        }

    def write_json(self, path):
        write(path, [self.document()])


def write(path, documents):
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"reports": documents}, out, indent=2)
        out.write("\n")


def join(out, sources):
    documents = []
    for source in sources:
        with open(source, encoding="utf-8") as document:
            documents += json.load(document)["reports"]
    write(out, documents)


def _cell(summary, digits):
    if summary is None:
        return "-"
    return f"{summary.median:,.{digits}f} ± {summary.spread:,.{digits}f}"


def table_of(head, rows, figures=()):
    """The lines of a Markdown table. `figures` are the columns, counted from 0, that stand to the right."""
    return [_line(head), _line(["---:" if n in figures else "---" for n in range(len(head))]), *map(_line, rows)]


def _line(cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    join(sys.argv[1], sys.argv[2:])
