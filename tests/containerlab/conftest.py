"""The labs of this folder need what those of tests/netns need."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab.lab import Lab
from lab.options import LabOptions


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/containerlab/" in item.nodeid and {"lab", "images"} & set(
            getattr(item, "fixturenames", ())
        ):
            item.add_marker(pytest.mark.netns)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="needs root: run tests/run"))


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One small lab in namespaces for all tests of this folder."""
    options = LabOptions(
        routes=1_500,
        routes6=700,
        active=400,
        active6=150,
        capacity=150,
        capacity6=60,
        pps=2_000,
        sampling=2,
        strategy="safe",
        window=10.0,
        workdir=tmp_path_factory.mktemp("lab"),
    )
    with Lab(options) as lab:
        yield lab
