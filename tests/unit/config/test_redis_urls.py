"""The addresses of a Redis, as people write them."""

import pytest

from config.redis_urls import RedisUrl, Tls, parse


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("redis://h", RedisUrl((("h", 6379),))),
        ("redis://h/2", RedisUrl((("h", 6379),), db=2)),
        ("redis://h:6380/?db=4", RedisUrl((("h", 6380),), db=4)),
        ("redis://[::1]:5/1", RedisUrl((("::1", 5),), db=1)),
        ("redis://u:p%40%23@h", RedisUrl((("h", 6379),), username="u", password="p@#")),
        ("redis://:p@ss@h", RedisUrl((("h", 6379),), password="p@ss")),
        ("redis://h?protocol=3&timeout=5", RedisUrl((("h", 6379),), protocol=3, timeout_s=5)),
        ("rediss://h", RedisUrl((("h", 6379),), tls=Tls())),
        ("unix:///run/r.sock", RedisUrl(socket="/run/r.sock")),
        ("unix:///run/a@b%20c?db=2", RedisUrl(socket="/run/a@b c", db=2)),
        ("unix://:p@/run/r.sock", RedisUrl(socket="/run/r.sock", password="p")),
        ("sentinel://h/main", RedisUrl((("h", 26379),), master="main")),
        (
            "sentinel://u:p@[::1]:5,b/main/3?sentinel_username=s&sentinel_password=t%40",
            RedisUrl(
                (("::1", 5), ("b", 26379)),
                master="main",
                db=3,
                username="u",
                password="p",
                sentinel_username="s",
                sentinel_password="t@",
            ),
        ),
        ("sentinel://h/m?ssl=true", RedisUrl((("h", 26379),), master="m", tls=Tls())),
    ],
)
def test_an_address_is_read(url: str, found: RedisUrl) -> None:
    assert parse(url) == found


@pytest.mark.parametrize(
    ("options", "tls"),
    [
        ("", Tls("required")),
        ("ssl_cert_reqs=required", Tls("required")),
        ("ssl_cert_reqs=CERT_REQUIRED", Tls("required")),
        ("ssl_cert_reqs=CERT_OPTIONAL", Tls("optional")),
        ("ssl_cert_reqs=none", Tls("none", check_hostname=False)),
        ("ssl_cert_reqs=CERT_NONE", Tls("none", check_hostname=False)),
        ("ssl_check_hostname=false", Tls(check_hostname=False)),
        ("ssl_ca_certs=/ca", Tls(ca_certs="/ca")),
        ("ssl_certfile=/c&ssl_keyfile=/k", Tls(certfile="/c", keyfile="/k")),
    ],
)
def test_tls_is_checked_unless_words_switch_it_off(options: str, tls: Tls) -> None:
    assert parse(f"rediss://h/0?{options}").tls == tls
    assert tls.verified == ("none" not in options.lower() and "hostname" not in options)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://h", "must begin with redis://, rediss://, unix://, sentinel://"),
        ("h:6379", "must begin with"),
        ("redis://", "must name a host"),
        ("redis://:6379/0", "must name a host"),
        ("redis://::1/0", "must name a host"),
        ("redis://h/zero", "the database must be a number"),
        ("redis://h:port", "port must be a number from 1 to 65535"),
        ("redis://h:0", "port must be a number from 1 to 65535"),
        ("unix://", "must name the socket"),
        ("unix://host/path", "must name the socket"),
        ("sentinel://h", "must look like sentinel://"),
        ("sentinel:///main", "must look like sentinel://"),
        ("sentinel://h/main/zero", "the database must be a number"),
        ("sentinel://h:port/main", "port must be a number"),
        ("redis://h?socket_keepalive=yes", "unknown option socket_keepalive; known here: db, pro"),
        ("redis://h?ssl_cert_reqs=none", r"ssl_cert_reqs \(TLS needs rediss://\)"),
        ("rediss://h?ssl_cert_reqs=maybe", "its option ssl_cert_reqs must be required, optional"),
        ("rediss://h?ssl_check_hostname=maybe", "ssl_check_hostname must be true or false"),
        ("rediss://h?ssl_keyfile=/k", "ssl_keyfile needs ssl_certfile"),
        ("sentinel://h/m?ssl_ca_certs=/ca", "has TLS options, but not ssl=true"),
        ("redis://h?protocol=4", "its option protocol must be 2 or 3"),
        ("redis://h?timeout=0", "its option timeout must be seconds from 0.1 to 60"),
        ("redis://h?db=x", "its option db the database must be a number"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(url)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix", "sentinel"])
@pytest.mark.parametrize("mark", ["#", "/", "?", "/?", "#@"])
@pytest.mark.parametrize("user", ["", "user"])
def test_no_message_has_a_part_of_a_password(scheme: str, mark: str, user: str) -> None:
    place = {"unix": "/run/r.sock", "sentinel": "h/main"}.get(scheme, "h/0")
    with pytest.raises(ValueError, match="percent-encode") as refused:
        parse(f"{scheme}://{user}:hunter2{mark}secret=x@{place}")
    assert "hunter" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_password_is_not_shown() -> None:
    assert "hunter" not in repr(parse("redis://:hunter2:a@h?"))
    assert "hunter" not in repr(parse("sentinel://h/m?sentinel_password=hunter2"))
