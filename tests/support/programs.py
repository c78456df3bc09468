"""Downloads programs that tests start, once, before the tests share the machine's processors."""

from concurrent.futures import ThreadPoolExecutor

from devstack.java_install import Say
from devstack.kafka_archive import make_archive
from devstack.kafka_install import KafkaUnavailableError
from devstack.readers import libraries
from tests.support import promtool
from tests.support.chromium import ChromiumUnavailableError, find_chromium
from tests.support.requirements import REQUIRE_REAL
from tests.support.stripe_mock import StripeMockUnavailableError, find_program

_PATIENCE_SECONDS = 180.0
"""Longest wait for a repository's first answer if the run would fail without it."""


def fetch(say: Say) -> None:
    """Download Apache Kafka, stripe-mock, promtool, Chromium and readers' libraries into the cache.

    Tests that need an unavailable program report it.
    """
    works = (_fetch_kafka, _fetch_stripe_mock, _fetch_promtool, _fetch_chromium, _fetch_libraries)
    with ThreadPoolExecutor(len(works)) as pool:
        for fetching in [pool.submit(work, say) for work in works]:
            fetching.result()


def _fetch_kafka(say: Say) -> None:
    try:
        make_archive(say, _PATIENCE_SECONDS if REQUIRE_REAL else None)
    except KafkaUnavailableError as error:
        say(f"Apache Kafka: {error}")


def _fetch_libraries(say: Say) -> None:
    for name in libraries.ALL:
        try:
            libraries.find_library(name, say)
        except libraries.LibraryUnavailableError as error:
            say(f"{name}: {error}")


def _fetch_stripe_mock(say: Say) -> None:
    try:
        find_program()
    except StripeMockUnavailableError as error:
        say(f"stripe-mock: {error}")


def _fetch_promtool(say: Say) -> None:
    try:
        promtool.find_program()
    except promtool.PromtoolUnavailableError as error:
        say(f"promtool: {error}")


def _fetch_chromium(say: Say) -> None:
    try:
        find_chromium()
    except ChromiumUnavailableError as error:
        say(f"Chromium: {error}")
