"""The OpenAI-compatible facade under /v1: another encoding of the same engine, gate and quota."""
