"""How well networks with fields learn from tables and texts as they come, beside other learners.

    python -m benchmarks.fields              a look at the sets to choose by, on a few seeds
    python -m benchmarks.fields study        variants of the core's choices, on the same sets
    python -m benchmarks.fields report       everything; writes docs/fields-quality.md

``sets`` says what is learnt, ``contenders`` who learns, ``study`` what else was tried, ``report``
writes it down. Splits, scores and the files of results are those of benchmarks/quality: raw columns
go in, and the contender alone encodes them.

The same two rules keep the figures honest. A third of the sets is held out: no choice may be made
by it, and only the report scores it, on splits of its own (seeds from 100 on).
"""

import benchmarks.quality  # one thread for each contender  # noqa: F401
