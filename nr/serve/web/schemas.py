"""What bodies look like, as JSON Schema, and whether one looks so.

Options come from the core's table. Only the members of a body and their types are checked here:
what a value must be is the core's to say, whose texts name the remedy.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from reprlib import repr as shortened
from typing import Any

from nr.engine import specs
from nr.engine.command import Option, Spec
from nr.errors import ValuesError

Schema = dict[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
_SAID = {
    "object": "an object",
    "array": "an array",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


@cache
def spec_of(command: str) -> Spec:
    """The row of a command in the core's table."""
    return next(spec for spec in specs() if spec.name == command)


def one_of(*types: str, **more: Any) -> Schema:
    """A value of one of these types."""
    return {"type": list(types) if len(types) > 1 else types[0]} | more


def an_object(members: Mapping[str, Schema], *required: str) -> Schema:
    """An object of these members and no others."""
    found: Schema = {"type": "object", "properties": dict(members), "additionalProperties": False}
    return found | ({"required": list(required)} if required else {})


def a_list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def options_of(command: str) -> dict[str, Schema]:
    """The options of a command, by their words in small letters; null is AUTO."""
    return {option.word.lower(): _option(option) for option in spec_of(command).options}


def _option(option: Option) -> Schema:
    if option.type == "choice":
        return {"enum": [word.lower() for word in option.words], "description": option.summary}
    types = [{"switch": "boolean", "count": "integer", "real": "number"}[option.type]]
    types += ["null"] if option.automatic else []
    described = f"{option.summary} Default: {option.preset}."
    if not option.words:
        return one_of(*types, description=described)
    words = {"enum": [word.lower() for word in option.words]}
    return {"anyOf": [one_of(*types), words], "description": described}


def check(body: Mapping[str, Any], schema: Schema, others: bool = False) -> None:
    """Raises ValuesError for a member that is unknown, missing or of another type.

    With ``others`` the core says what is wrong with those that are unknown.
    """
    members = schema["properties"]
    for name, value in body.items():
        if name not in members:
            if others:
                continue
            raise ValuesError(f"ERR no member {name!r} is known here{_meant(name, members)}")
        _check_type(name, value, members[name])
    for name in schema.get("required", ()):
        if name not in body:
            raise ValuesError(f"ERR {name} is missing: {members[name].get('description', '')}")


def _meant(name: str, members: Mapping[str, Schema]) -> str:
    guess = get_close_matches(name, members, n=1)
    return f", did you mean {guess[0]}?" if guess else f": {', '.join(members)} are"


def _check_type(name: str, value: Any, schema: Schema) -> None:
    wanted = _types_of(schema)
    if wanted and not any(_is(value, one) for one in wanted):
        said = " or ".join(_SAID[one] for one in wanted)
        raise ValuesError(f"ERR {name} is {said}, not {shortened(value)}")


def _types_of(schema: Schema) -> list[str]:
    """The types that a value may have; none where any will do."""
    if "anyOf" in schema:
        return [one for part in schema["anyOf"] for one in _types_of(part)]
    if "enum" in schema:
        return ["string"]
    found = schema.get("type", [])
    return [found] if isinstance(found, str) else list(found)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])
