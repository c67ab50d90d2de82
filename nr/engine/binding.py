"""The only file that knows of ctypes: finds the core, loads it, names its types.

The library is loaded twice. Through ``held`` the interpreter's lock stays held:
right for short calls, which it makes cheaper. Through ``free`` it is released:
right for whatever may take long. Both are the same library with the same state,
and every function is in one table, with ``core/nr.h``'s name and types.
"""

import ctypes
from collections.abc import Callable
from ctypes import (
    POINTER,
    Structure,
    c_bool,
    c_char,
    c_char_p,
    c_double,
    c_int,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any, TypeAlias

from nr.engine.built import built
from nr.errors import EngineError, refusal

_OTHER_VERSION = "the core of nr is not of this version: build and install it again"
OK, ERR, NOMEM, STALE = 0, -1, -2, -3


class ErrorText(Structure):
    _fields_ = [("text", c_char * 512)]


class CQuestion(Structure):
    _fields_ = [
        ("net", c_void_p),
        ("outputs", c_void_p),
        ("class_", c_uint32),
        ("error", ErrorText),
    ]


class Buf(Structure):
    _fields_ = [("data", c_void_p), ("len", c_size_t), ("cap", c_size_t)]


def _open(kind: type[ctypes.CDLL]) -> Any:
    try:
        return kind(str(built("libnr.so")))
    except OSError as error:
        raise EngineError(f"the core of nr cannot be loaded (is it built?): {error}") from error


def _command_rest() -> int:
    """Bytes of a command that are the core's own business, behind what is read here."""
    try:
        return int(held.nr_command_size() - held.nr_command_head())
    except AttributeError as error:
        raise EngineError(_OTHER_VERSION) from error


held, free = _open(ctypes.PyDLL), _open(ctypes.CDLL)


class CCommand(Structure):
    _fields_ = [
        ("verb", c_int),
        ("dataset", c_int),
        ("form", c_int),
        ("key", c_size_t),
        ("nkeys", c_size_t),
        ("blob", c_void_p),
        ("bloblen", c_size_t),
        ("rounded", c_uint64),
        ("last", c_double),
        ("number", c_uint64),
        ("until", c_uint64),
        ("maxcycles", c_uint64),
        ("maxtime", c_uint64),
        ("pattern", c_size_t),
        ("autostop", c_bool),
        ("backtrack", c_bool),
        ("queue", c_bool),
        ("replace", c_bool),
        ("rest", c_char * _command_rest()),
    ]


class Args(Structure):
    _fields_ = [
        ("argc", c_size_t),
        ("argv", POINTER(c_void_p)),
        ("len", POINTER(c_size_t)),
        ("memory", Buf),
    ]


class RespHead(Structure):
    _fields_ = [
        ("argc", c_size_t),
        ("argv", POINTER(c_void_p)),
        ("arglen", POINTER(c_size_t)),
        ("replies", Buf),
        ("ran", c_size_t),
        ("pending", c_size_t),
        ("protocol", c_int),
        ("error", ErrorText),
    ]


class CShape(Structure):
    _fields_ = [
        ("id", c_uint64),
        ("revision", c_uint64),
        ("inputs", c_uint64),
        ("outputs", c_uint64),
        ("row", c_uint64),
        ("params", c_uint64),
        ("len", c_uint64 * 2),
        ("kind", c_uint64),
        ("trainings", c_uint64),
        ("schema_revision", c_uint64),
        ("step", c_uint64),
        ("steps", c_uint64),
        ("window", c_uint64),
    ]


class CCounts(Structure):
    _fields_ = [
        ("len", c_uint64 * 2),
        ("observed", c_uint64),
        ("fresh", c_uint64),
        ("ordered", c_uint64),
        ("rounded", c_uint64),
        ("random", c_uint64 * 6),
        ("losses", c_uint64 * 5),
    ]


class Bytes(Structure):
    _fields_ = [("data", c_char_p), ("len", c_size_t)]


FINDINGS = ("residuals", "background", "reference")
"""What a training finds out beside the weights, by its number."""


class Parts(Structure):
    _fields_ = [
        ("header", Bytes),
        ("weights", Bytes),
        ("history", Bytes),
        ("rows", Bytes * 2),
        ("kept", Bytes),
        ("findings", Bytes * len(FINDINGS)),
    ]


class CProgress(Structure):
    _fields_ = [
        ("cycles", c_uint64),
        ("train_error", c_double),
        ("test_error", c_double),
        ("class_errors", c_double),
    ]


class CShare(Structure):
    _fields_ = [
        ("group", c_uint64),
        ("groups", c_uint64),
        ("rank", c_uint64),
        ("ranks", c_uint64),
        ("steps", c_bool),
        ("alone", c_bool),
    ]


class CTraining(Structure):
    _fields_ = [
        ("id", c_uint64),
        ("key", c_char_p),
        ("keylen", c_size_t),
        ("db", c_uint64),
        ("maxtime", c_uint64),
        ("maxcycles", c_uint64),
        ("attempt", c_uint64),
        ("progress", CProgress),
        ("worker", c_char_p),
        ("running", c_bool),
    ]


def _raise_refusal(status: int, _: object, args: tuple[Any, ...]) -> int:
    """For functions that fail: their last argument takes the text."""
    if status in (ERR, NOMEM):
        raise_error(status, args[-1])
    return status


def raise_error(status: int, error: ErrorText) -> None:
    """Raises what a failed call has left in its error."""
    text = error.text.decode("ascii", "replace")
    raise EngineError(text) if status == NOMEM else refusal(text)


_net, _trainer = c_void_p, c_void_p
_status = (c_int, _raise_refusal)
_size = c_size_t
_err, _buf, _command = POINTER(ErrorText), POINTER(Buf), POINTER(CCommand)

# name: (result, errcheck), argument types
_PROTOTYPES: dict[str, tuple[tuple[Any, Callable[..., Any] | None], list[Any] | None]] = {
    "nr_buf_free": ((None, None), [_buf]),
    "nr_isa": ((c_char_p, None), []),
    "nr_set_isa": ((c_int, None), [c_char_p]),
    "nr_specs_pack": (_status, [_buf, _err]),
    "nr_command_parse": (
        _status,
        [_command, _size, POINTER(c_char_p), c_char_p, _err],
    ),
    "nr_command_parse_joined": (
        _status,
        [_command, _size, c_char_p, POINTER(c_char_p), c_char_p, _err],
    ),
    "nr_command_release": ((None, None), [_command]),
    "nr_command_size": ((_size, None), []),
    "nr_command_head": ((_size, None), []),
    "nr_changes": ((c_bool, None), [_command]),
    "nr_key_word": (_status, [c_char_p, _size, _buf, _err]),
    "nr_words": (_status, [c_char_p, _size, _buf, _err]),
    "nr_glob": ((c_bool, None), [c_char_p, _size, c_char_p, _size]),
    "nr_training_line": (_status, [POINTER(CTraining), _buf, _err]),
    "nr_split": (_status, [c_char_p, _size, POINTER(Args), _err]),
    "nr_net_create": (_status, [_command, c_uint64, c_uint64, POINTER(_net), _err]),
    "nr_net_clone": ((_net, None), [_net]),
    "nr_net_bare": ((_net, None), [_net]),
    "nr_net_outcome": ((c_int, None), [_net, POINTER(c_char_p)]),
    "nr_net_unlearned": ((_net, None), [_net, c_int, c_char_p]),
    "nr_net_free": ((None, None), [_net]),
    "nr_net_shape": ((None, None), [_net, POINTER(CShape)]),
    "nr_net_coalesce": ((None, None), [_net, c_uint64]),
    "nr_net_counts": ((None, None), [_net, POINTER(CCounts)]),
    "nr_net_memory": ((_size, None), [_net]),
    "nr_net_execute": (_status, [_net, _command, c_bool, _buf, _err]),
    # These are the hot ones: no errcheck, the caller looks at the status.
    # A reference, bytes and an int: ctypes takes them as they are, and faster without types.
    "nr_net_ask": ((c_int, None), None),
    "nr_net_run": ((c_int, None), [_net, c_void_p, _size, c_void_p, _err]),
    "nr_parse_bytes": ((c_uint64, None), [c_char_p, _size]),
    "nr_net_classify": ((c_int, None), [_net, c_void_p, _size, c_void_p, _err]),
    "nr_net_names": (_status, [_net, _buf, _err]),
    "nr_net_header": (_status, [_net, _buf, _err]),
    "nr_net_assemble": (_status, [POINTER(Parts), POINTER(_net), _err]),
    "nr_net_weights": (_status, [_net, _buf, _err]),
    "nr_net_history": (_status, [_net, _buf, _err]),
    "nr_net_finding": (_status, [_net, c_int, _buf, _err]),
    "nr_net_kept": (_status, [_net, _buf, _err]),
    "nr_net_rows": (_status, [_net, c_int, _buf, _err]),
    "nr_net_samples": (_status, [_net, _command, _buf, _err]),
    "nr_net_place": (_status, [_net, _size, c_int, POINTER(c_uint64), _err]),
    "nr_net_count_rounded": ((None, None), [_net, _command]),
    "nr_net_weigh": (_status, [_net, c_int, c_uint64, c_uint64, _err]),
    "nr_net_put": (_status, [_net, Bytes, c_int, _err]),
    "nr_net_watched": ((c_bool, None), [_net]),
    "nr_net_score": (_status, [_net, Bytes, _buf, _err]),
    "nr_net_score_row": ((c_int, None), [_net, c_char_p, _size, c_void_p]),
    "nr_net_judge": (_status, [_net, _net, c_char_p, _size, _err]),
    "nr_net_series": (_status, [_net, _command, _buf, _err]),
    "nr_net_extend": (_status, [_net, Bytes, Bytes, _buf, _err]),
    "nr_net_begin_series": (_status, [_net, _err]),
    "nr_net_count_steps": ((None, None), [_net, c_uint64]),
    "nr_net_forecast": (_status, [_net, _command, Bytes, _buf, _err]),
    "nr_net_matching": (_status, [_net, _command, _buf, _err]),
    "nr_net_sample_reply": (_status, [_net, Bytes, _buf, _err]),
    "nr_net_range_reply": (_status, [_net, Bytes, _buf, _err]),
    "nr_range_check": (_status, [_command, c_uint64, _err]),
    "nr_net_dump": (_status, [_net, _buf, _err]),
    "nr_net_load": (_status, [c_char_p, _size, c_uint64, POINTER(_net), _err]),
    "nr_training_choose": ((None, None), [_net, _command]),
    "nr_ranks_check": (
        _status,
        [_net, _command, c_char_p, _size, c_uint64, c_uint64, c_double, _err],
    ),
    "nr_ranks_bytes": ((c_uint64, None), [_net, c_uint64, c_double]),
    "nr_trainer_create": (_status, [_net, _command, POINTER(_trainer), _err]),
    "nr_trainer_step": ((c_int, None), [_trainer, c_uint64]),
    "nr_trainer_begin": ((c_uint64, None), [_trainer, c_uint64]),
    "nr_trainer_gradient": (_status, [_trainer, c_uint64, c_uint64, _err]),
    "nr_trainer_sums": (_status, [_trainer, _buf, _err]),
    "nr_trainer_put": (_status, [_trainer, c_char_p, _size, _err]),
    "nr_trainer_apply": (_status, [_trainer, _err]),
    "nr_trainer_floats": ((c_uint64, None), [_trainer]),
    "nr_trainer_piece": (_status, [_trainer, c_uint64, c_uint64, _buf, _err]),
    "nr_trainer_join": (
        _status,
        [_trainer, c_char_p, _size, c_uint64, c_uint64, _buf, _err],
    ),
    "nr_trainer_total": (_status, [_trainer, c_char_p, _size, _err]),
    "nr_trainer_share": (
        _status,
        [_trainer, c_uint64, c_uint64, c_double, POINTER(CShare), _err],
    ),
    "nr_trainer_meets": ((c_bool, None), [_trainer]),
    "nr_trainer_members": (_status, [_trainer, _buf, _err]),
    "nr_trainer_meet": (_status, [_trainer, c_char_p, _size, _err]),
    "nr_training_digest": (_status, [_net, _command, POINTER(c_uint64), _err]),
    "nr_trainer_save_bytes": ((c_uint64, None), [_trainer]),
    "nr_trainer_save": (_status, [_trainer, c_uint64, c_uint64, _buf, _err]),
    "nr_trainer_load": (
        _status,
        [_trainer, c_uint64, c_char_p, _size, POINTER(c_uint64), _err],
    ),
    "nr_trainer_stop": ((None, None), [_trainer]),
    "nr_trainer_progress": ((None, None), [_trainer, POINTER(CProgress)]),
    "nr_trainer_finish": (_status, [_trainer, c_uint64, POINTER(_net), _err]),
    "nr_trainer_free": ((None, None), [_trainer]),
    "nr_net_merge": (_status, [_net, _net, _err]),
    "nr_resp_create": ((_net, None), []),
    "nr_resp_free": ((None, None), [_net]),
    "nr_resp_trust": ((None, None), [_net, c_bool]),
    "nr_resp_feed": (_status, [_net, c_char_p, _size, _err]),
    "nr_resp_on": (_status, [_net, c_char_p, _size, _net, _err]),
    "nr_resp_run": ((c_int, None), [_net, c_bool]),
    "nr_resp_take": ((c_int, None), [_net, c_char_p, _size]),
    "nr_resp_reply": (_status, [_net, c_char_p, _size, c_int, _err]),
    "nr_resp_error": (_status, [_net, c_char_p, _size, _err]),
    "nr_resp_memory": ((_size, None), [_net]),
}


def _declare() -> None:
    try:
        for library in (held, free):
            for name, ((result, check), arguments) in _PROTOTYPES.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
                if check:
                    function.errcheck = check
    except AttributeError as error:
        raise EngineError(_OTHER_VERSION) from error
    head = CCommand.rest.offset
    if (head, ctypes.sizeof(CCommand)) != (held.nr_command_head(), held.nr_command_size()):
        raise EngineError(_OTHER_VERSION)


_declare()


Room: TypeAlias = "tuple[CQuestion, Any, list[str], memoryview[float]]"
"""What is asked, a reference to it, the names of what is answered, and the outputs."""


def room(handle: int, names: list[str], outputs: int) -> Room:
    """One for nr_net_ask, with so many outputs; 0: a class is asked for."""
    values = (c_double * outputs)()
    question = CQuestion(handle, ctypes.addressof(values) if outputs else None)
    return question, ctypes.byref(question), names, memoryview(values).cast("B").cast("d")


def collect(function: Callable[..., Any], *args: object) -> bytes:
    """What a function writes into the buffer that is its last argument but one."""
    buf = Buf()
    try:
        function(*args, buf, ErrorText())
        return ctypes.string_at(buf.data, buf.len) if buf.data else b""
    finally:
        held.nr_buf_free(buf)


def counts(handle: int) -> CCounts:
    """What nr_net_counts tells."""
    found = CCounts()
    held.nr_net_counts(handle, found)
    return found


def make(function: Callable[..., Any], *args: object) -> int:
    """The object that a function makes; its last argument but one takes it."""
    handle = c_void_p()
    function(*args, handle, ErrorText())
    return handle.value or 0


def bytes_of(data: bytes | None) -> Bytes:
    """A part for nr_net_assemble; None leaves it out."""
    return Bytes() if data is None else Bytes(data, len(data))
