"""Each text with which a network with fields refuses what it is told or asked."""

from json import dumps

from conformance.steps import Refused, Step

ALL = (
    "NR.CREATE all CLASSIFIER n:number f:flag c:category l:category(a,b) t:time x:text v:vector(2) "
    "q:sequence(category) m:sequence(2) i:key -> y:category(p,q) SEED 1"
)

_LINES = (
    (
        "NR.CREATE other CLASSIFIER a-b:number -> y:category",
        "invalid field 'a-b:number': name:kind is needed, the name of up to 64 letters, "
        "digits and _",
    ),
    (
        "NR.CREATE other CLASSIFIER :number -> y:category",
        "invalid field ':number': name:kind is needed, the name of up to 64 letters, digits and _",
    ),
    (
        "NR.CREATE other CLASSIFIER a:number a:text -> y:category",
        "field a:number is given twice, as a:text",
    ),
    (
        "NR.CREATE other CLASSIFIER a:vector -> y:category",
        "field a: vector(n) takes how many numbers it has, 1 to 65536, not ''",
    ),
    (
        "NR.CREATE other CLASSIFIER a:vector(0) -> y:category",
        "field a: vector(n) takes how many numbers it has, 1 to 65536, not '0'",
    ),
    (
        "NR.CREATE other CLASSIFIER a:vector(x) -> y:category",
        "field a: vector(n) takes how many numbers it has, 1 to 65536, not 'x'",
    ),
    (
        "NR.CREATE other CLASSIFIER a:category(max=0) -> y:category",
        "field a: max= takes a number from 1 to 1000, not 'max=0'",
    ),
    (
        "NR.CREATE other CLASSIFIER a:category() -> y:category",
        "field a: categories are some text each, and different, not ''",
    ),
    (
        "NR.CREATE other CLASSIFIER a:category(a,a) -> y:category",
        "field a: categories are some text each, and different, not 'a,a'",
    ),
    (
        "NR.CREATE other CLASSIFIER a:category(a,,b) -> y:category",
        "field a: categories are some text each, and different, not 'a,,b'",
    ),
    (
        f"NR.CREATE other CLASSIFIER a:category({','.join(map(str, range(1001)))}) -> y:category",
        "field a: a list of more than 1000 categories",
    ),
    (
        ("NR.CREATE", "other", "CLASSIFIER", "a:category(a\\b)", "->", "y:category"),
        "field a: \\ stands before , ) or \\ alone, not 'a\\b'",
    ),
    (
        "NR.CREATE other CLASSIFIER a:category(a -> y:category",
        "field a: a bracket is open, not 'category(a'",
    ),
    (
        f"NR.CREATE other CLASSIFIER {' '.join(f'a{i}:flag' for i in range(10001))} -> y:category",
        "too many fields: at most 10000",
    ),
    (
        "NR.CREATE other CLASSIFIER a:number(3) -> y:category",
        "field a: this kind takes nothing in brackets, not '3'",
    ),
    (
        "NR.CREATE other CLASSIFIER a:number -> y:number",
        "field y:number: the output of a classifier is of kind category",
    ),
    (
        "NR.CREATE other REGRESSOR a:number -> y:category",
        "field y:category: the output of a regressor is of kind number",
    ),
    (
        "NR.CREATE other CLASSIFIER a:number -> y:category z:category",
        "a classifier has one output, a category, not 2",
    ),
    ("NR.CREATE other CLASSIFIER -> y:category", "invalid units count: nothing before '->'"),
    ("NR.CREATE other CLASSIFIER a:number ->", "no field after '->' to learn"),
    (
        "NR.CREATE other CLASSIFIER a:number y:category",
        "no '->' between the fields that are known and those that are to be learned",
    ),
    ("NR.CREATE other CLASSIFIER a:number 3 b:text -> y:category", "invalid units count: 'b:text'"),
    (
        "NR.CREATE other CLASSIFIER a:number -> y:category CLASSIC",
        "Syntax error in NR.CREATE: CLASSIC has no fields: it takes numbers",
    ),
    ("NR.CREATE other CLASSIFIER a:number 0 -> y:category", "invalid units count: '0'"),
    *(
        (
            f"NR.CREATE other {kind} a:number {layers} -> y:{output}",
            f"Syntax error in NR.CREATE: {word} stands alone, in place of hidden layers, and not "
            f"beside '{beside}'",
        )
        for layers, word, beside in (
            ("AUTO 3", "AUTO", "3"),
            ("3 auto", "AUTO", "3"),
            ("3 LINEAR 4", "LINEAR", "3"),
            ("LINEAR 3", "LINEAR", "3"),
            ("AUTO AUTO", "AUTO", "AUTO"),
            ("AUTO Linear", "AUTO", "Linear"),
            ("LINEAR AUTO", "LINEAR", "AUTO"),
        )
        for kind, output in (("CLASSIFIER", "category"), ("FORECASTER", "number"))
    ),
    (
        "NR.CREATE other CLASSIFIER 3 AUTO -> 2",
        "Syntax error in NR.CREATE: AUTO is for networks with fields, others take counts of units",
    ),
    (
        "NR.CREATE other REGRESSOR 3 4 linear -> 2",
        "Syntax error in NR.CREATE: LINEAR is for networks with fields, others take counts of "
        "units",
    ),
    ("NR.CREATE other CLASSIFIER a:number -> 3", "no field after '->' to learn"),
    ("NR.CREATE other CLASSIFIER 3 -> y:category", "invalid units count: 'y:category'"),
    ("NR.OBSERVE all n=old -> y=p", "field n: a number or nothing is needed, not 'old'"),
    ("NR.OBSERVE all n=1e999 -> y=p", "field n: a number or nothing is needed, not '1e999'"),
    ("NR.OBSERVE all f=maybe -> y=p", "field f: yes, no or nothing is needed, not 'maybe'"),
    (
        "NR.OBSERVE all t=tomorrow -> y=p",
        "field t: a time as 2026-11-27T10:00Z, seconds since 1970 or nothing is needed, "
        "not 'tomorrow'",
    ),
    (
        "NR.OBSERVE all t=2026-13-01 -> y=p",
        "field t: a time as 2026-11-27T10:00Z, seconds since 1970 or nothing is needed, "
        "not '2026-13-01'",
    ),
    ("NR.OBSERVE all l=c -> y=p", "field l: 'c' is none of a, b"),
    ("NR.OBSERVE all -> y=r", "class 'r' of y is none of p, q"),
    ("NR.OBSERVE all -> y=", "field y: an output is needed"),
    ("NR.OBSERVE all n=1 -> n=2", "field n belongs before '->'"),
    ("NR.OBSERVE all n=1 n=2 -> y=p", "field n is given twice"),
    ("NR.OBSERVE all y=p -> y=p", "field y belongs behind '->'"),
    ("NR.OBSERVE all n=1 -> x=a", "field x belongs before '->'"),
    ("NR.OBSERVE all n=1", "no '->' separator between inputs and outputs"),
    ("NR.OBSERVE all n=1 y=p", "no '->' separator between inputs and outputs"),
    ("NR.OBSERVE all n=1 x -> y=p", "Syntax error in NR.OBSERVE: name=value is needed, not 'x'"),
    ("NR.OBSERVE all v=1 -> y=p", "field v: a list of numbers or nothing is needed, not '1'"),
    ("NR.OBSERVE all m=x -> y=p", "field m: a list of steps or nothing is needed, not 'x'"),
    ("NR.OBSERVE all 1 -> 2", "all has fields: give their values by name, as n=value, or as JSON"),
    (
        "NR.OBSERVE all n=1 -> y=p TRAIN TEST",
        "Syntax error in NR.OBSERVE: TRAIN or TEST is given twice",
    ),
    ("NR.RUN all 1 2", "all has fields: give their values by name, as n=value, or as JSON"),
    ("NR.RUN all FP32 abcd", "all has fields: give their values by name, as n=value, or as JSON"),
    ("NR.RUN all y=p", "field y is an output: it is asked for, not given"),
    ("NR.RUN all n=1", "net has not been trained yet: NR.TRAIN all comes first"),
    ("NR.CLASS all n=1", "net has not been trained yet: NR.TRAIN all comes first"),
    ("NR.RUN all aeg=1", "no field 'aeg' in all"),
    ("NR.RUN plain a=1", "plain has no fields: give it numbers, in the order of its inputs"),
    (
        "NR.CLASS plain a=1",
        "you can't call NR.CLASS with a regressor network. Use this command with a "
        "classifier network",
    ),
    (
        "NR.OBSERVE plain a=1 -> b=2",
        "plain has no fields: give it numbers, in the order of its inputs",
    ),
    (
        "NR.OBSERVE plain JSON {}",
        "plain has no fields: give it numbers, in the order of its inputs",
    ),
    ("NR.FORGET all n=x", "field n: a number or nothing is needed, not 'x'"),
    ("NR.FORGET all k=1", "no field 'k' in all"),
    ("NR.FORGET all n=1 n=2", "field n is given twice"),
    ("NR.FORGET plain a=1", "plain has no fields to find samples by: NR.CLEAR drops all of them"),
    ("NR.OBSERVE all JSON {", "invalid JSON: a name in quotes is missing, at byte 1"),
    ("NR.OBSERVE all JSON nul", "invalid JSON: a value is missing, at byte 0"),
    (
        "NR.CREATE other CLASSIFIER "
        + "".join(f"s{i}:sequence " for i in range(9))
        + "-> y:category",
        "9 fields are sequences, at most 8 may be",
    ),
    (("NR.OBSERVE", "all", "v=[1]", "->", "y=p"), "field v: 2 numbers are needed, not 1"),
    (
        ("NR.OBSERVE", "all", "v=[1,1e99]", "->", "y=p"),
        "field v: number 1 of its list is no finite 32-bit number",
    ),
    (
        ("NR.OBSERVE", "all", "q=[]", "->", "y=p"),
        "field q: an empty sequence, of which there are none: leave the field out",
    ),
    (
        ("NR.OBSERVE", "all", "m=[[1,2],[3]]", "->", "y=p"),
        "field m: step 1 has 1 numbers where 2 are needed",
    ),
    (
        ("NR.OBSERVE", "all", "m=[1,2]", "->", "y=p"),
        "field m: step 0 has 1 numbers where 2 are needed",
    ),
    (
        ("NR.OBSERVE", "all", "m=[[1,1e99]]", "->", "y=p"),
        "field m: step 0 has what is no finite 32-bit number",
    ),
    (("NR.OBSERVE", "all", 'q=["a",""]', "->", "y=p"), "field q: step 1 is empty, and no symbol"),
    (
        ("NR.OBSERVE", "all", 'q=[["a"]]', "->", "y=p"),
        "field q: text or nothing is needed, not 'a list'",
    ),
    (
        ("NR.OBSERVE", "all", b"x=\xff", "->", "y=p"),
        "field x: text in UTF-8 is needed, not '\\xff'",
    ),
    (
        ("NR.OBSERVE", "all", "x=" + "a" * 65537, "->", "y=p"),
        "field x: 65537 bytes of text, at most 65536",
    ),
    (("NR.OBSERVE", "all", "JSON", ""), "invalid JSON: a value is missing, at byte 0"),
    (("NR.OBSERVE", "all", "JSON", "[1]"), "sample 0: a sample is a map of fields and values"),
    (("NR.OBSERVE", "all", "JSON", '{"n":1}'), "field y: an output is needed"),
    (
        ("NR.OBSERVE", "all", "JSON", '{"n":"x","y":"p"}'),
        "field n: a number or nothing is needed, not 'x'",
    ),
    (
        ("NR.OBSERVE", "all", "JSON", '{"n":[1],"y":"p"}'),
        "field n: a number or nothing is needed, not 'a list'",
    ),
    (
        ("NR.OBSERVE", "all", "JSON", '{"n":{},"y":"p"}'),
        "field n: a number or nothing is needed, not 'a map'",
    ),
    (
        ("NR.OBSERVE", "all", "JSON", '{"f":2,"y":"p"}'),
        "field f: yes, no or nothing is needed, not '2'",
    ),
    (
        ("NR.OBSERVE", "all", "JSON", '{"t":"x","y":"p"}'),
        "field t: a time as 2026-11-27T10:00Z, seconds since 1970 or nothing is needed, not 'x'",
    ),
    (
        ("NR.OBSERVE", "all", "JSON", '{"c":[1],"y":"p"}'),
        "field c: text or nothing is needed, not 'a list'",
    ),
    (("NR.OBSERVE", "all", "JSON", '{"v":[1],"y":"p"}'), "field v: 2 numbers are needed, not 1"),
    (
        ("NR.OBSERVE", "all", "JSON", '{"v":"x","y":"p"}'),
        "field v: a list of numbers or nothing is needed, not 'x'",
    ),
    (
        ("NR.OBSERVE", "all", "JSON", '{"v":[1,null],"y":"p"}'),
        "field v: number 1 of its list is no finite 32-bit number",
    ),
    (("NR.OBSERVE", "all", "JSON", '{"y":"r"}'), "class 'r' of y is none of p, q"),
    (("NR.OBSERVE", "all", "JSON", '{"y":null}'), "field y: an output is needed"),
    (
        ("NR.OBSERVE", "all", "JSON", '[{"y":"p"},{"n":1}]'),
        "sample 1: field y: an output is needed",
    ),
    (("NR.OBSERVE", "all", "JSON", '[{"y":"p"},{"z":1}]'), "sample 1: no field 'z' in all"),
    (("NR.OBSERVE", "all", "JSON", '{"n":1,"n":2,"y":"p"}'), "field n is given twice"),
    (("NR.OBSERVE", "all", "JSON", "[]"), "no samples were given"),
    (("NR.OBSERVE", "all", "JSON", '{"n":01}'), "invalid JSON: a number is cut, at byte 7"),
    (
        ("NR.OBSERVE", "all", "JSON", '{"n":1,}'),
        "invalid JSON: a name in quotes is missing, at byte 7",
    ),
    (
        ("NR.OBSERVE", "all", "JSON", '{"x":"\\ud800","y":"p"}'),
        "invalid JSON: half a character is escaped, at byte 12",
    ),
    *(
        (("NR.OBSERVE", "all", "JSON", text), f"invalid JSON: {why}")
        for text, why in (
            ('{"x":"\\u12', "an escape is cut, at byte 8"),
            ('{"x":"\\u12x4"', "an escape is no number, at byte 11"),
            ('{"x":"\\q"', "an unknown escape, at byte 8"),
            ('{"x":"a', "a string is open, at byte 7"),
            ('{"x":"\n"}', "a control character in a string, at byte 7"),
            (b'{"x":"\xff"}', "a string is not UTF-8, at byte 8"),
            ('{"x" 1}', "a : is missing, at byte 5"),
            ('{"x":1 2}', "a , or } is missing, at byte 7"),
            ("[1 2]", "a , or ] is missing, at byte 3"),
            ("{} x", "something stands behind it, at byte 3"),
            ('{"n":1e999}', "a number is too large, at byte 10"),
        )
    ),
    (
        ("NR.OBSERVE", "all", "JSON", '{"m":[' + "[1,2]," * 65536 + '[1,2]],"y":"p"}'),
        "field m: 65537 steps, at most 65536: give the latest ones, or fewer",
    ),
    (("NR.OBSERVE", "all", "JSON", "[" * 65), "invalid JSON: it is nested too deep, at byte 9"),
    (
        ("NR.OBSERVE", "all", "JSON", '{"q":[1,[2]],"y":"p"}'),
        "field q: text or nothing is needed, not 'a list'",
    ),
    (
        ("NR.OBSERVE", "all", "JSON", '{"m":[[1,2],3],"y":"p"}'),
        "field m: step 1 has 1 numbers where 2 are needed",
    ),
    (
        ("NR.OBSERVE", "all", "JSON", '{"m":[],"y":"p"}'),
        "field m: an empty sequence, of which there are none: leave the field out",
    ),
    (("NR.OBSERVE", "all", "MSGPACK", b""), "invalid msgpack: it is cut, or no value of it"),
    (("NR.OBSERVE", "all", "MSGPACK", b"\xc1"), "invalid msgpack: it is cut, or no value of it"),
    (
        ("NR.OBSERVE", "all", "MSGPACK", b"\x81\xa1y\xa1p\x00"),
        "invalid msgpack: more behind its value",
    ),
    (
        ("NR.OBSERVE", "all", "MSGPACK", b"\x91\x01"),
        "sample 0: a sample is a map of fields and values",
    ),
    (("NR.OBSERVE", "all", "MSGPACK", b"\x81\x01\x02"), "a sample is a map of fields and values"),
    (("NR.OBSERVE", "all", "MSGPACK", b"\x81\xa1n"), "invalid msgpack"),
    (
        ("NR.OBSERVE", "all", "MSGPACK", b"\x82\xa1n\xc4\x03abc\xa1y\xa1p"),
        "field n: a number or nothing is needed, not 'abc'",
    ),
    (
        ("NR.OBSERVE", "all", "MSGPACK", b"\x82\xa1v\xc4\x03abc\xa1y\xa1p"),
        "field v: 2 numbers are needed, not 0",
    ),
    (
        ("NR.OBSERVE", "all", "MSGPACK", b"\x82\xa1m\xc4\x04abcd\xa1y\xa1p"),
        "field m: 4 bytes of float32 are no steps of 2 numbers",
    ),
    (
        ("NR.OBSERVE", "all", "COLUMNS", b"\x91\x01"),
        "COLUMNS takes a map of fields and their values",
    ),
    (
        ("NR.OBSERVE", "all", "COLUMNS", b"\x81\xa1n\x01"),
        "field n: an array of values is needed, or their bytes",
    ),
    (
        ("NR.OBSERVE", "all", "COLUMNS", b"\x82\xa1n\x92\x01\x02\xa1y\x91\xa1p"),
        "field y has 1 values, n has 2",
    ),
    (
        ("NR.OBSERVE", "all", "COLUMNS", b"\x81\xa1n\x91\x01"),
        "sample 0: field y: an output is needed",
    ),
    (
        ("NR.OBSERVE", "all", "COLUMNS", b"\x82\xa1n\xc7\x03\x01abc\xa1y\x91\xa1p"),
        "field n: an array of values is needed, or their bytes",
    ),
    (
        ("NR.OBSERVE", "all", "COLUMNS", b"\x82\xa1n\x91\xa1x\xa1y\x91\xa1p"),
        "sample 0: field n: a number or nothing is needed, not 'x'",
    ),
    (
        ("NR.OBSERVE", "all", "COLUMNS", b"\x82\xa1n\x91\x01\xa1y\x91\xa1r"),
        "sample 0: class 'r' of y is none of p, q",
    ),
    (("NR.OBSERVE", "all", "COLUMNS", b"\x80"), "no samples were given"),
    (("NR.OBSERVE", "all", "COLUMNS", b"\x82\xa1n\x90\xa1y\x90"), "no samples were given"),
    (
        ("NR.OBSERVE", "all", "COLUMNS", b"\x82\xa1z\x91\x01\xa1k\x91\x01"),
        "no fields 'z', 'k' in all",
    ),
    (
        (
            "NR.OBSERVE",
            "all",
            "COLUMNS",
            b"\x82\xa1n\x91\x01\xa1y\x92\xd6\x06\x00\x00\x00\x00\x91\xa1px",
        ),
        "invalid msgpack: more behind its value",
    ),
    (
        ("NR.OBSERVE", "all", "COLUMNS", b"\x82\xa1n\xc7\x03\tabc\xa1y\x91\xa1p"),
        "field n: an array of values is needed, or their bytes",
    ),
)

CASES: dict[str, list[Step]] = {
    "every refusal of fields has its text": [
        (ALL, 0),
        ("NR.CREATE plain REGRESSOR 1 -> 1 SEED 1", 2),
        *((words, Refused(f"ERR {why}")) for words, why in _LINES),
        ("NR.FORGET all i=nobody", 0),
        ("NR.DEL all plain", 2),
    ],
    "too many classes fail the training that finds them": [
        ("NR.CREATE all CLASSIFIER n:number -> y:category DATASET 1001 TEST 0 SEED 1", 0),
        (
            ("NR.OBSERVE", "all", "JSON", dumps([{"n": i, "y": i} for i in range(1001)])),
            [1001, 0],
        ),
        ("NR.TRAIN all MAXCYCLES 1", "Training has started"),
        (
            "NR.WAIT all 0",
            Refused(
                "ERR the training of all failed: Can't start training: 1001 classes of y, at "
                "most 1000"
            ),
        ),
        ("NR.RUN all n=1", Refused("ERR net has not been trained yet: NR.TRAIN all comes first")),
        ("NR.DEL all", 1),
    ],
}
