"""A stand-in for the hub on this machine: repositories of small files, in memory."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_a_writer"


class Hub(ThreadingHTTPServer):
    """Answers what the client asks to create a repository, read it and commit to it.

    Attributes
    ----------
    repositories : dict of str to dict of str to bytes
        Files by repository and path.
    log : list of str
        Method and path of each request.
    created : dict of str to dict
        What each repository was created with.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.created: dict[str, dict[str, Any]] = {}
        self.messages: list[str] = []
        self.log: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def commit(self, name: str) -> str:
        """Hash of what is in a repository."""
        files = sorted(self.repositories[name].items())
        return hashlib.sha1(repr(files).encode()).hexdigest()


@contextlib.contextmanager
def running_hub() -> Iterator[Hub]:
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, status: int, value: Any = None, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._answer(status, {"error": message}, X_Error_Code=code, X_Error_Message=message)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.log.append(f"{self.command} {path}")
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            name = "/".join(parts[2:4])
            if name not in self.server.repositories:
                return self._refuse(404, "RepoNotFound", "no such repository")
            files = self.server.repositories[name]
            if parts[4:5] == ["tree"]:
                return self._answer(
                    200,
                    [
                        {"type": "file", "path": path, "size": len(data), "oid": "0" * 40}
                        for path, data in files.items()
                    ],
                )
            siblings = [{"rfilename": path} for path in files]
            sha = self.server.commit(name)
            return self._answer(200, {"id": name, "sha": sha, "siblings": siblings})
        if parts[2:3] == ["resolve"]:
            name, file = "/".join(parts[:2]), "/".join(parts[4:])
            if name not in self.server.repositories:
                return self._refuse(404, "RepoNotFound", "no such repository")
            data = self.server.repositories[name].get(file)
            if data is None:
                return self._refuse(404, "EntryNotFound", "no such file")
            return self._answer(
                200,
                data,
                ETag=f'"{hashlib.sha1(data).hexdigest()}"',
                X_Repo_Commit=self.server.commit(name),
            )
        return self._refuse(404, "EntryNotFound", "not of this stand-in")

    def do_POST(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.log.append(f"POST {path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._refuse(401, "Unauthorized", "this token may not write")
        parts = path.strip("/").split("/")
        if path == "/api/repos/create":
            request = json.loads(body)
            name = "/".join(filter(None, [request.get("organization"), request["name"]]))
            if name in self.server.repositories:
                url = f"{self.server.url}/{name}"
                return self._answer(409, {"error": "You already created it", "url": url})
            self.server.repositories[name] = {}
            self.server.created[name] = request
            return self._answer(200, {"url": f"{self.server.url}/{name}", "name": name})
        name, action = "/".join(parts[2:4]), parts[4]
        if action == "preupload":
            files = json.loads(body)["files"]
            return self._answer(
                200,
                {
                    "files": [
                        {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                        for f in files
                    ]
                },
            )
        if action == "commit":
            self._commit(name, [json.loads(line) for line in body.splitlines() if line])
            oid = self.server.commit(name)
            url = f"{self.server.url}/{name}/commit/{oid}"
            return self._answer(200, {"commitUrl": url, "commitOid": oid, "success": True})
        return self._refuse(404, "EntryNotFound", "not of this stand-in")

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        files = self.server.repositories[name]
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.server.messages.append(value["summary"])
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
