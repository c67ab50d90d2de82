"""How well networks learn with the defaults, on open data, beside other learners.

    python -m benchmarks.quality             a look at the defaults, on the datasets to choose by
    python -m benchmarks.quality report      everything; writes docs/quality.md and quality.png
    python -m benchmarks.quality.ablation    what each choice in the core is worth

``datasets`` says what is learnt, ``contenders`` who learns, ``scoring`` how it is judged, ``runs``
does it and keeps each result, ``claims`` what is to hold, ``report`` writes it down.

Two things keep the figures honest. A third of the datasets is held out: no default may be chosen
by it, and only the report scores it. And the report's splits (seeds from 100 on) are others than
those that choices are made by (seeds from 0 on).
"""

import os

# One thread each: contenders are compared by what they learn and by how much work that takes.
# Numerical libraries read this when they are first imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
