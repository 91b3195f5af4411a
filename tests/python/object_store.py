"""A real server of S3's protocol, and a plain web server, on this machine alone."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as fs
from process import free_ports

_PATIENCE_S = 60.0
_USER, _SECRET = "reader", "not a secret"


@dataclass(frozen=True)
class Bucket:
    """A bucket that one user may read and write."""

    name: str
    endpoint: str
    files: fs.S3FileSystem

    @property
    def environment(self) -> dict[str, str]:
        """What a client of the bucket has to be told."""
        return {
            "AWS_ENDPOINT_URL": f"http://{self.endpoint}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": _USER,
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_REGION": "us-east-1",
        }


@contextmanager
def s3(folder: Path) -> Iterator[Bucket]:
    """SeaweedFS over `folder`, with an empty bucket."""
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert weed, "there is no `weed`: install what python/requirements.lock names"
    (folder / "data").mkdir(parents=True)
    actions = ["Admin", "Read", "Write", "List"]
    credentials = [{"accessKey": _USER, "secretKey": _SECRET}]
    identities = {"identities": [{"name": _USER, "credentials": credentials, "actions": actions}]}
    (folder / "s3.json").write_text(json.dumps(identities))
    names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"]
    port, *ports = free_ports(len(names) + 2)
    listen = [f"-{name}={of}" for name, of in zip([*names, "s3.port.grpc"], ports)]
    command = [weed, "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *listen]
    command += ["-s3", f"-s3.port={port}", f"-s3.config={folder / 's3.json'}"]
    command += ["-volume.max=5", "-master.volumeSizeLimitMB=64"]
    with open(folder / "weed.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            endpoint = f"127.0.0.1:{port}"
            files = fs.S3FileSystem(
                access_key=_USER,
                secret_key=_SECRET,
                endpoint_override=endpoint,
                scheme="http",
                region="us-east-1",
                allow_bucket_creation=True,
            )
            _until_there(files, "rows", process)
            yield Bucket("rows", endpoint, files)
        finally:
            # In good order it may take minutes over what nobody wants.
            process.kill()
            process.wait()


def _until_there(files: fs.S3FileSystem, bucket: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return files.create_dir(bucket)
        except OSError:
            assert process.poll() is None, "the S3 server has ended"
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


class _Web(http.server.SimpleHTTPRequestHandler):
    """Files, and `/moved/NAME`, which leads to `/elsewhere/NAME`."""

    def do_GET(self) -> None:
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.path.replace("/moved/", "/elsewhere/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def web(folder: Path) -> Iterator[str]:
    """The files of `folder` under the URL given."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Web, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
