"""The one path from a message to its stored answer: start, supervisor, runner, log, tail."""
