"""Certificates made on the spot, each its own authority."""
import pathlib
import ssl
import subprocess


class Certificate:
    """A pair of files; name: what it is good for, such as "IP:127.0.0.1" or "DNS:elsewhere.test"."""

    def __init__(self, folder, name="IP:127.0.0.1"):
        stem = pathlib.Path(folder) / name.replace(":", "-")
        self.file, self.key = f"{stem}.pem", f"{stem}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", f"/CN={stem.name}", "-addext", f"subjectAltName={name}",
                        "-keyout", self.key, "-out", self.file], check=True, capture_output=True, timeout=60)

    def server(self, clients=None, protocols=()):
        """The context of a server that shows it; clients: the certificate that callers must show."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients.file)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context
