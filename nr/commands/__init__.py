"""Commands: what goes into one, how it is run over a store, and what comes out of it.

``dispatcher`` is one table of commands, each a few lines over any store, and ``local`` the
backend that runs them so in this process; ``arguments`` makes the bytes of a command, ``options``
says which words there are for it, ``info`` and ``metrics`` read its replies. Nothing here knows a
driver.
"""
