"""The acceptance programme's merge set as tests, one per item, on the database of `--db`."""

import asyncio
import json

import pytest

from tests.acceptance import program
from tests.acceptance.items import ITEMS
from tests.acceptance.program import Item

SEED = 7


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    db = metafunc.config.getoption("--db")
    items = [item for item in ITEMS.values() if db in item.databases and not item.nightly]
    metafunc.parametrize("item", items, ids=[item.name for item in items])


def test_item(item: Item, pytestconfig: pytest.Config) -> None:
    report = asyncio.run(program.run(item, pytestconfig.getoption("--db"), SEED))
    assert report.passed, json.dumps(report.as_json(), ensure_ascii=False, indent=1)
