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
        self._title = title
        self._machine = machine
        self._settings = settings
        self._columns = columns
        self._rows = rows
        self._notes = list(notes)

    def markdown(self):
        head = ["contender"] + [column.title for column in self._columns] + ["remarks"]
        lines = [f"## {self._title}", "", _line(head), _line(["---"] + ["---:"] * len(self._columns) + ["---"])]
        for row in self._rows:
            cells = [_cell(row.summaries.get(column.key), column.digits) for column in self._columns]
            lines.append(_line([row.name] + cells + ["; ".join(row.notes)]))
        lines += ["", "Median ± median absolute deviation.", ""]
        lines += [f"- {note}" for note in self._notes]
        lines += [f"- {name}: {value}" for name, value in self._machine.items()]
        return "\n".join(lines) + "\n"

    def document(self):
        return {
            "subject": self._subject,
            "title": self._title,
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


def _line(cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    join(sys.argv[1], sys.argv[2:])
