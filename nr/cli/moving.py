"""Networks that go elsewhere: to another store, or into a file of ONNX."""

from __future__ import annotations

import os
from pathlib import Path

import click

import nr


@click.command("copy")
@click.argument("url1")
@click.argument("key")
@click.argument("url2")
@click.option("--as", "name", metavar="KEY", help="Its key in URL2, if another one.")
@click.option("--replace", is_flag=True, help="Replace a network that is there.")
@click.option(
    "--fields",
    metavar="FIELDS",
    help="Make it a network with fields, untrained: 'age:number,vip:flag,joined:category'.",
)
def copy(
    url1: str, key: str, url2: str, name: str | None, replace: bool, fields: str | None
) -> None:
    """Copy the network KEY of URL1, samples and all, to URL2."""
    with nr.connect(url1) as source, nr.connect(url2) as target:
        blob = source[os.fsencode(key)].dump()
        if fields is not None:
            from nr.cli.fielding import fielded

            blob = fielded(blob, fields)
        target.restore(os.fsencode(name or key), blob, replace)


@click.command("export")
@click.argument("key")
@click.option("--url", metavar="URL", help="The store. Default: $NR_URL, or memory://.")
@click.option("--onnx", "path", metavar="FILE", required=True, help="The file that is written.")
def export(key: str, url: str | None, path: str) -> None:
    """Write the network KEY as a file of ONNX, which runs without nr."""
    with nr.connect(url) as db:
        model = db[os.fsencode(key)].to_onnx()
    try:
        Path(path).write_bytes(model)
    except OSError as error:
        raise nr.Error(f"{path} cannot be written: {error}") from error
