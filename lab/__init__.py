"""The lab: an Internet edge in plain network namespaces, for newcomers (`lab/up`) and for end-to-end tests.

with Lab(LabOptions(routes=5000, routes6=1000)) as lab:
    lab.birdc("transit1", "disable test_single4")
"""

from lab.birdfiles import TEST_RICH_ATTRIBUTES
from lab.lab import Lab
from lab.options import LabOptions
from lab.plan import (
    EXCHANGE,
    NEIGHBOURS,
    SOURCES,
    SWITCH,
    TEST_BETTER,
    TEST_RICH,
    TEST_SINGLE,
    TEST_SPARE,
    TRANSIT1,
    TRANSIT2,
    LabError,
)

__all__ = [
    "EXCHANGE",
    "NEIGHBOURS",
    "SOURCES",
    "SWITCH",
    "TEST_BETTER",
    "TEST_RICH",
    "TEST_RICH_ATTRIBUTES",
    "TEST_SINGLE",
    "TEST_SPARE",
    "TRANSIT1",
    "TRANSIT2",
    "Lab",
    "LabError",
    "LabOptions",
]
