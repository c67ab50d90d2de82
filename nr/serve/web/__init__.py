"""HTTP: the commands as resources of JSON, a page to look at them, and tools for assistants.

``table`` says what can be asked, a row each; the server's routes, who may ask them and
/openapi.json come from there. Starlette is imported here and nowhere outside this room.
"""

from nr.serve.web.application import application
from nr.serve.web.options import LOOPBACK, Options
from nr.serve.web.serving import serve_http

__all__ = ["LOOPBACK", "Options", "application", "serve_http"]
