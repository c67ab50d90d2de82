"""Tables for notebooks."""

from collections.abc import Sequence
from html import escape


def html_table(rows: Sequence[Sequence[str]]) -> str:
    """A table, the first row its head."""
    head, *body = rows
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in body]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def printable(name: str) -> str:
    """A name with odd bytes as backslash escapes, which every encoding can carry."""
    return name.encode("utf-8", "backslashreplace").decode()
