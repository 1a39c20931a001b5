"""What REDIS_URL may say."""

import pytest

from core.valkey import Sentinels, broker, cache_options, sentinels

PAGES = "sentinel://:p%40ss@a:26380,b,[::1]:26381/2?service=kontor&sentinel_password=s%26p"


@pytest.mark.parametrize(
    "url",
    [
        "sentinel://a:26379/0",
        "sentinel:///0?service=kontor",
        "sentinel://a/x?service=kontor",
        "sentinel://a/0?service=kontor&sentinel_pasword=typo",
        "sentinel://a:port/0?service=kontor",
        "sentinel://a,,b/0?service=kontor",
    ],
)
def test_a_url_of_sentinels_that_lacks_something_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"REDIS_URL|[Pp]ort"):
        sentinels(url)


def test_a_url_of_sentinels_names_hosts_service_database_and_passwords() -> None:
    assert sentinels(PAGES) == Sentinels(
        hosts=(("a", 26380), ("b", 26379), ("::1", 26381)),
        service="kontor",
        database=2,
        username="",
        password="p@ss",
        sentinel_password="s&p",
    )


def test_celery_gets_each_sentinel_with_the_password_of_the_servers_and_that_of_the_sentinels() -> None:
    address, options = broker("sentinel://app:p%2Fss@a,[::1]:1/0?service=kontor&sentinel_password=s", socket_timeout=3)
    assert address == "sentinel://app:p%2Fss@a:26379/0;sentinel://app:p%2Fss@[::1]:1/0"
    assert options == {
        "socket_timeout": 3,
        "master_name": "kontor",
        "sentinel_kwargs": {"socket_timeout": 3, "password": "s"},
    }


def test_other_urls_are_left_as_they_are_but_for_celerys_word_for_a_socket() -> None:
    assert sentinels("redis://a:6379/0") is None
    assert broker("rediss://:p@a:6379/0", socket_timeout=3) == ("rediss://:p@a:6379/0", {"socket_timeout": 3})
    assert broker("unix:///run/valkey.sock?db=0") == ("redis+socket:///run/valkey.sock?db=0", {})
    assert cache_options("redis://a", socket_timeout=2) == {"socket_timeout": 2}
