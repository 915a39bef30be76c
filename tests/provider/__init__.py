"""The scripted provider: an OpenAI-compatible server that does what the last user message tells it.

A real HTTP server in a process (`python -m tests.provider`) or a thread (ScriptedProvider) of its own.
"""

from tests.provider.server import ScriptedProvider

__all__ = ["ScriptedProvider"]
