"""The acceptance programme: black-box proof, against real server processes, that nothing is lost, doubled or shown to
the wrong person.

`python3 -m tests.acceptance [ITEM …]` runs it and prints one JSON line per item; `test_merge_set` is its face for
pytest. It talks to the contract only: HTTP and the command line. The database is opened by a check alone, and read
only, where a figure is about rows ("ledger = counter").
"""
