"""How good and how fast networks of sequences are, beside others in the same run.

    python -m benchmarks.sequences              every part
    python -m benchmarks.sequences speed        one of them
    python -m benchmarks.sequences --write ...  and write its section of docs/sequences-quality.md
    python -m benchmarks.sequences bible        language models: King James
    python -m benchmarks.sequences ptb FOLDER [small|medium|large]    Penn Treebank

A part is a module of this package with a function ``measure``, which returns a ``part.Part``: a
heading, what is to hold, and text. Writing a part leaves the sections of the others as they are.
"""

import benchmarks.quality  # one thread for each contender  # noqa: F401
