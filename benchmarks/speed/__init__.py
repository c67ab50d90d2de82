"""How fast networks train and run: against libraries that do the same, and against the machine.

`make bench-speed`, or ``python -m benchmarks.speed``, writes docs/speed.md and docs/speed.png.

Contenders are processes of their own, since OpenBLAS chooses its kernels and PyTorch its threads
when they are loaded. They take turns: seven rounds, in each of which everybody does every task
once, so that whatever else the machine does meets all of them alike; the median of the rounds
counts. What one thread does is told in processor time, for the same reason; what two threads do
can be told by the clock alone, and wants an idle machine.
"""
