"""A database for clients of every language: over Redis' protocol, and over HTTP.

What runs as ``nr serve``. Nothing of this room is imported by ``import nr``; Redis' protocol needs
no more packages than nr itself, the rest the extra ``nr[serve]``.
"""
