"""The service of `examples/serving.py`: an answer for every text, or an error that names it."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import signal
import sys
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from skm2v import FusedTextClassifier, StaticTextClassifier, fuse
from skm2v.datasets import load_sms_spam
from tests import pages

N_CLIENTS, N_REQUESTS = 8, 400
EXAMPLE = Path(__file__).parents[1] / "examples" / "serving.py"
IS_JSON = {"Content-Type": "application/json"}
TEXTS = ["Free entry! Text WIN to 80086 now", "See you at lunch?", "", "caf\u00e9 \U0001f600 \0"]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The example as a module, and the file that it serves."""
    spec = importlib.util.spec_from_file_location("example_serving", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        # Its types are looked up by the name of the module.
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        X, y = load_sms_spam(subset="train", return_X_y=True)
        path = tmp_path_factory.mktemp("served") / "spam.safetensors"
        fuse(StaticTextClassifier(C=1.0).fit(X[:500], y[:500])).save(path)
        patch.setenv(module.MODEL, str(path))
        yield module, path


@pytest.fixture(scope="module")
def client(service):
    module, _ = service
    with TestClient(module.create_app(), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.filterwarnings("ignore::skm2v.exceptions.TextWarning")
def test_answers_are_those_of_the_model(service, client):
    _, path = service
    answer = client.post("/predict", json={"texts": TEXTS})
    assert answer.status_code == 200
    expected = FusedTextClassifier.load(path).predict_proba(TEXTS)
    names = np.array(["ham", "spam"])
    assert answer.json() == {
        "labels": names[expected.argmax(axis=1)].tolist(),
        "probabilities": expected.max(axis=1).tolist(),
    }
    assert answer.headers["x-worker"].isdecimal()


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        (["fine", None], ["body", "texts", 1]),
        (["fine", "fine", 3], ["body", "texts", 2]),
        ("a string", ["body", "texts"]),
        ([], ["body", "texts"]),
        (["fine"] * 257, ["body", "texts"]),
        (["fine", "x" * 10_001], ["body", "texts", 1]),
        (["fine", "\ud800"], ["body", "texts", 1]),
    ],
    ids=["none", "number", "string", "empty", "many", "long", "surrogate"],
)
def test_what_is_no_batch_of_texts_is_refused_by_name(client, texts, place):
    # As bytes: a client of Python cannot write half of a pair, others can.
    answer = client.post("/predict", content=json.dumps({"texts": texts}).encode(), headers=IS_JSON)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == place
    assert len(answer.content) < 2000


def test_large_bodies_are_refused_before_they_are_read(service, client):
    module, _ = service
    unbounded = client.post("/predict", content=iter([b"{", b"}"]))  # chunks, no length
    assert unbounded.status_code == 413
    large = client.post("/predict", content=b" " * (module.MAX_BYTES + 1))
    assert large.status_code == 413


def test_no_json_is_refused(client):
    for body in (b"{", b"\xff\xfe", b"[" * 100_000):
        answer = client.post("/predict", content=body, headers=IS_JSON)
        assert answer.status_code in (400, 422), body[:2]
    assert client.get("/health").json() == {"status": "ok"}


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pages.run("serving.md")


class Client(threading.Thread):
    """Sends requests one after the other on a connection that is kept, once more where it breaks.

    `failed` has the worker of each connection that broke; empty where none had answered on it yet.
    """

    def __init__(self, port, requests, answered):
        super().__init__(daemon=True)
        self.port, self.requests, self.answered = port, requests, answered
        self.answers, self.failed, self.lost = [], [], []
        self.connection, self.worker = None, ""

    def run(self):
        for body, expected in self.requests:
            for attempt in (1, 2):
                try:
                    self.answers.append((self.ask(body), expected))
                    break
                except (OSError, http.client.HTTPException) as error:
                    self.failed.append(self.worker)
                    self.close()
                    if attempt == 2:
                        self.lost.append(repr(error))
        self.close()

    def ask(self, body):
        if self.connection is None:
            self.worker = ""
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        self.connection.request("POST", "/predict", body, IS_JSON)
        reply = self.connection.getresponse()
        answer = json.loads(reply.read())
        self.worker = reply.headers["X-Worker"] or ""
        self.answered(self.worker)
        return reply.status, answer.get("probabilities")

    def close(self):
        self.connection.close()
        self.connection = None


def test_a_worker_that_is_killed_under_load_loses_no_request_of_others(service):
    module, path = service
    messages = load_sms_spam(subset="test").data
    # A message, or a batch of ten, and what the model itself says of them.
    batches = [messages[i : i + (1, 10)[i % 2]] for i in range(N_REQUESTS)]
    model = FusedTextClassifier.load(path)
    requests = [
        (
            json.dumps({"texts": batch}).encode(),
            (200, model.predict_proba(batch).max(axis=1).tolist()),
        )
        for batch in batches
    ]
    lock, answers, killed = threading.Lock(), Counter(), []

    def answered(worker):
        # The worker that gave the hundredth answer, while all clients ask.
        with lock:
            answers[worker] += 1
            if not killed and answers.total() >= N_REQUESTS // 4:
                killed.append(worker)
                os.kill(int(worker), getattr(signal, "SIGKILL", signal.SIGTERM))

    with module.serve(path, 2) as address:
        port = int(address.rpartition(":")[2])
        clients = [Client(port, requests[i::N_CLIENTS], answered) for i in range(N_CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    assert [client.lost for client in clients] == [[]] * N_CLIENTS
    given = [pair for client in clients for pair in client.answers]
    assert len(given) == N_REQUESTS
    assert all(answer == expected for answer, expected in given)
    failed = Counter(worker for client in clients for worker in client.failed)
    assert failed.keys() <= {killed[0], ""}, "a request to another worker failed"
    assert max(len(client.failed) for client in clients) <= 1  # one is on its way at a time
    assert set(answers) - set(killed), "nobody took the place of the one that was killed"
