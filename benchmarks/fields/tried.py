"""What was tried, and what came of it: figures of the study, kept as they were measured."""

TRIED = """\
## What was tried
"""
