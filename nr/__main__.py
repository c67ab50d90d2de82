"""`python -m nr` is the `nr` command."""

from nr.cli import main

main(prog_name="nr")
