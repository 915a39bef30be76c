"""Authorization servers that stand for GitHub and Kakao: real HTTP, the documented shapes, and every way to misbehave.

They are strict where the real ones are: a code works once, for the client, address and proof that it was given for.
"""

from tests.oauth.server import AuthorizationServer

__all__ = ["AuthorizationServer"]
