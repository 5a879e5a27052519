"""
Serving: a classifier behind HTTP
=================================

A fused classifier answers in microseconds, so that a service of it is mostly the web framework.
This is one with FastAPI: two processes that map one file, requests of bounded size, and an answer
for every text or an error that names it. Needs ``fastapi`` and ``uvicorn``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from skm2v import FusedTextClassifier

MODEL = "SPAM_MODEL"  # the environment variable with the path of the file
MAX_TEXTS = 256
MAX_CHARACTERS = 10_000
MAX_BYTES = 4 * MAX_TEXTS * MAX_CHARACTERS


# %%
# What comes in and what goes out. FastAPI makes the documentation and the checks of it.
class Batch(BaseModel):
    """Texts to classify."""

    texts: list[Annotated[str, Field(max_length=MAX_CHARACTERS)]] = Field(
        min_length=1, max_length=MAX_TEXTS
    )


class Answers(BaseModel):
    """A label for each text, and how probable it is."""

    labels: list[str]
    probabilities: list[float]


class BoundedSize:
    """Refuses a body that is too large, or of no known length, before any of it is read."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or pass it on."""
        length = dict(scope.get("headers", ())).get(b"content-length", b"")
        small = length.isdigit() and len(length) < 10 and int(length) <= MAX_BYTES
        refusal = JSONResponse({"detail": f"At most {MAX_BYTES} bytes, announced."}, 413)
        app = self.app if small or scope.get("method") != "POST" else refusal
        await app(scope, receive, send)


# %%
# The service. ``async def`` without a thread of its own: handing a text to another thread and back
# takes longer than to classify it, and the largest batch that is allowed takes some milliseconds.
def create_app() -> FastAPI:
    model = FusedTextClassifier.load(os.environ[MODEL], mmap=True)
    names = {0: "ham", 1: "spam"}
    model.predict_proba(["warm up"])  # the first call builds what the later ones use
    app = FastAPI(title="Spam filter")
    app.add_middleware(BoundedSize)

    @app.exception_handler(RequestValidationError)
    async def say_which(request: Request, error: RequestValidationError) -> Response:
        # Without the input itself, which may be large, or no valid Unicode.
        kept = ("loc", "msg", "type")
        found = [{name: one[name] for name in kept} for one in error.errors()[:5]]
        return JSONResponse({"detail": found}, 422)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/predict")
    async def predict(batch: Batch, response: Response) -> Answers:
        response.headers["X-Worker"] = str(os.getpid())
        probabilities = model.predict_proba(batch.texts)
        best = probabilities.argmax(axis=1)
        return Answers(
            labels=[names[label] for label in model.classes_[best].tolist()],
            probabilities=probabilities.max(axis=1).tolist(),
        )

    return app


# %%
# Starting it. On a server this is one line of a unit file:
# ``SPAM_MODEL=spam.safetensors uvicorn serving:create_app --factory --workers 2``.
@contextlib.contextmanager
def serve(model: Path, n_workers: int = 2) -> Iterator[str]:
    """Run the service on a free port of this machine; gives its address."""
    command = [sys.executable, "-m", "uvicorn", "serving:create_app", "--factory"]
    command += ["--app-dir", str(Path(__file__).resolve().parent), "--workers", str(n_workers)]
    # A worker that does not answer for so long is replaced. The default of 5 seconds is short for
    # the start on a machine that is busy.
    command += ["--port", "0", "--no-access-log", "--timeout-worker-healthcheck", "60"]
    # Clients keep connections; one that waits for longer than the default of 5 seconds stays open.
    command += ["--timeout-keep-alive", "60"]
    environment = {**os.environ, MODEL: str(model), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            said = ""
            while said.count("Application startup complete") < n_workers:
                if not (line := server.stderr.readline()):
                    raise RuntimeError(f"The service did not start:\n{said}")
                said += line
            yield re.search(r"running on (http://[\w.:]+)", said)[1]
        finally:
            server.terminate()
            server.stderr.close()


def ask(address: str, path: str, body: object = None) -> tuple[int, Any, str]:
    """Return status, answer and the process that gave it."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        address + path, data=data, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, json.load(reply), reply.headers["X-Worker"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error), ""


# %%
# A file to serve, as ``production.py`` makes it, and some requests.
def train(path: Path) -> None:
    from skm2v import StaticTextClassifier, fuse
    from skm2v.datasets import load_sms_spam

    X_train, y_train = load_sms_spam(subset="train", return_X_y=True)
    fuse(StaticTextClassifier().fit(X_train, y_train)).save(path)


def main() -> None:
    from skm2v.datasets import load_sms_spam

    messages = load_sms_spam(subset="test").data
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spam.safetensors"
        train(path)
        expected = FusedTextClassifier.load(path).predict_proba(messages)
        with serve(path) as address:
            print(ask(address, "/health")[1])
            for text in ("Free entry! Text WIN to 80086 now", "See you at lunch?"):
                _, answer, _ = ask(address, "/predict", {"texts": [text]})
                print(f"{answer['labels'][0]} ({answer['probabilities'][0]:.2f}): {text}")
            same = 0
            for start in range(0, len(messages), 100):
                _, answer, _ = ask(address, "/predict", {"texts": messages[start : start + 100]})
                right = expected[start : start + 100].max(axis=1).tolist()
                same += sum(map(float.__eq__, answer["probabilities"], right))
            print(f"{same} of {len(messages)} probabilities are those of the model itself")
            status, answer, _ = ask(address, "/predict", {"texts": ["fine", None]})
            print(f"{status}: {answer['detail'][0]['loc']} {answer['detail'][0]['msg']}")


if __name__ == "__main__":
    main()
