"""Over a hundred URLs that try to lead a server to its own inside, for a canary at a given port."""

from __future__ import annotations

from collections.abc import Iterator

# Addresses that are not public, in their usual spelling.
INSIDE = (
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "0.0.0.0",
    "0.1.2.3",
    "100.64.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "168.63.129.16",
    "100.100.100.200",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "fec0::1",
    "2001:db8::1",
    "100::1",
    "5f00::1",
    "3fff::1",
)
OUTSIDE = ("8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001:80b::200e", "2001:4860:4860::8888")

# Other spellings of 127.0.0.1, and names that mean it nearly everywhere.
SPELLINGS = (
    *("127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0", "0x0"),
    *("127.0.0.1.", "127.000.000.001", "①②⑦.⓪.⓪.①", "127。0。0。1", "127.0.0.1", "%31%32%37.0.0.1"),
    *("localhost", "localhost.", "LOCALHOST", "ip6-localhost", "[::1%25lo]", "[::ffff:7f00:1]", "[::ffff:127.0.0.1]"),
    *("[0:0:0:0:0:0:0:1]", "[::]", "[127.0.0.1]", "[::1", "::1"),
)


def literal_urls(port: int) -> Iterator[str]:
    """Yield the canary under every spelling of an inside address, as a URL's host."""
    for address in INSIDE:
        host = f"[{address}]" if ":" in address else address
        yield f"http://{host}:{port}/"
        yield f"http://{host}/"
    for spelling in SPELLINGS:
        yield f"http://{spelling}:{port}/picture"


def crooked_urls(port: int) -> Iterator[str]:
    """Yield URLs that two parsers could read in two ways, other schemes, and what is no URL at all."""
    canary = f"127.0.0.1:{port}"
    yield from (
        f"http://public.example@{canary}/",
        f"http://public.example:80@{canary}/",
        f"http://{canary}@public.example/",
        f"http://@{canary}/",
        f"http://:@{canary}/",
        f"http://public.example\\@{canary}/",
        f"http://{canary}\\@public.example/",
        f"http:\\\\{canary}/",
        f"http:/{canary}/",
        f"http:{canary}/",
        f"//{canary}/",
        f"http:///{canary}/",
        f"http://public.example#@{canary}/ ",
        f" http://{canary}/",
        f"http://{canary}/\r\nHost: x",
        f"http://{canary}/\tx",
        f"ht\ttp://{canary}/",
        f"http://{canary}\x00.public.example/",
        f"http://{canary}%00.public.example/",
        f"http://{canary}%2f.public.example/",
        f"ftp://{canary}/",
        f"gopher://{canary}/_x",
        f"dict://{canary}/x",
        f"ldap://{canary}/",
        f"ws://{canary}/",
        f"unix://{canary}/",
        f"jar:http://{canary}!/",
        f"url:http://{canary}/",
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "",
        "/etc/passwd",
        "public.example",
        "http://",
        "http://?",
        "http://public.example:22/",
        "http://public.example:6379/",
        "http://public.example:0/",
        "http://public.example:65536/",
        "http://public.example:99999999999/",
        "http://public.example:-1/",
        "http://public.example:8o/",
        "http://public.example:٨٠/",
        "http://public.example:80:80/",
        "http://" + "a" * 5_000 + "/",
        "http://public.example/" + "a" * 5_000,
        "http://[/",
        "http://[]/",
        "http://[::g]/",
    )
