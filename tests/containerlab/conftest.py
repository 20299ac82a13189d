"""The labs of this folder need what those of tests/netns need."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/containerlab/" in item.nodeid and {"lab", "images"} & set(
            getattr(item, "fixturenames", ())
        ):
            item.add_marker(pytest.mark.netns)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="needs root: run tests/run"))
