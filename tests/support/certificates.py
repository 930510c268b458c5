"""Certificates of an authority of our own."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of one authority: its own certificate, and those of a server and of a client."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def certificates(folder: Path, *hosts: str) -> Certificates:
    """Issue certificates for ``hosts`` (default: this machine's usual names)."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    issued = {
        "server": authority.issue_cert(*(hosts or ("localhost", "127.0.0.1"))),
        "client": authority.issue_cert("hookline@client.example"),
    }
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name, cert in issued.items():
        cert.private_key_pem.write_to_path(folder / f"{name}.key")
        for number, blob in enumerate(cert.cert_chain_pems):
            blob.write_to_path(folder / f"{name}.pem", append=number > 0)
    paths = ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")
    return Certificates(*(folder / path for path in paths))


def server_side(made: Certificates) -> ssl.SSLContext:
    """The context of a server with these certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.server, made.server_key)
    return context
