"""The load generator: a process of its own, so that reading the streams is not paid for by who measures them."""

from benchmarks.load.plan import Chat, Outcome, Plan, run

__all__ = ["Chat", "Outcome", "Plan", "run"]
