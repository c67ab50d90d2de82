"""Serving: the commands of a database over the network, in one process of asyncio."""
