"""Connections that are cut: a push is one whole commit or none, and a download is whole, whatever request was lost.

Every request of a push is cut in turn, before its body is read, after it was followed, and within its answer; every
request of a download before it is answered or within the answer. With `-s` the tests say how many that were.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.answers import TOKEN
from tests.hub.server import HubServer
from tests.hub.store import Store
from toolkit.portable import shared_files

CLIENT = """
import sys, time
from pathlib import Path
from toolkit.hub import fetch, send
waited = []
time.sleep = waited.append
for line in sys.stdin:
    verb, *words = line.split()
    waited.clear()
    try:
        told = send(Path(words[0]), words[1]) if verb == "send" else fetch(words[0])
        print("done", sum(waited), told, flush=True)
    except OSError as error:
        print("failed", sum(waited), " ".join(str(error).split()), flush=True)
"""
MOMENTS = ("before", "after", "within")


class Client:
    """A process that pushes and loads when it is told to; it notes how long it would have waited, and does not."""

    def __init__(self, hub: HubServer) -> None:
        command = [sys.executable, "-c", CLIENT]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=hub.environment(), stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def __call__(self, *words: object) -> tuple[str, float, str]:
        """How it went, the seconds of patience it took, and what was said."""
        assert self.process.stdin and self.process.stdout
        print(*words, file=self.process.stdin, flush=True)
        how, seconds, said = self.process.stdout.readline().rstrip("\n").split(" ", 2)
        return how, float(seconds), said


@pytest.fixture(scope="module")
def connected() -> Iterator[tuple[HubServer, Client]]:
    """A Hub and its client."""
    with HubServer() as hub:
        client = Client(hub)
        yield hub, client
        client.process.communicate(timeout=600)


def held(hub: HubServer, name: str) -> dict[str, bytes]:
    """What the Hub holds of a repository, but the card, which names it."""
    files = hub.repository(name).at("main").files
    return {path: hub.answers.store.blobs[file.sha256] for path, file in files.items() if path != "README.md"}


def contents(folder: Path, names: list[str]) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names if name != "README.md"}


@pytest.mark.slow
@pytest.mark.promise("H2")
def test_whatever_request_of_a_push_is_lost_there_is_one_whole_commit(connected, made):
    hub, client = connected
    folder = made("text")
    hub.arrivals.clear()
    assert client("send", folder, "tester/whole")[0] == "done"
    requests = len(hub.arrivals)
    assert {"POST", "PUT"} <= {arrival.method for arrival in hub.arrivals}
    cut = 0
    for number in range(requests):
        for moment in MOMENTS:
            name = f"tester/cut-{number}-{moment}"
            hub.answers.store = Store()  # or the weights would be there already
            hub.arrivals.clear()
            hub.cut(number, moment)
            how, seconds, said = client("send", folder, name)
            assert (how, seconds >= 1) == ("done", True), (number, moment, hub.arrivals[number], said)
            assert len(hub.repository(name).commits) == 2, (number, moment)
            assert held(hub, name) == contents(folder, shared_files(folder))
            cut += sum(bool(arrival.cut) for arrival in hub.arrivals)
    print(f"{cut} requests of a push of {requests} were cut and survived")
    assert cut == requests * len(MOMENTS)


@pytest.mark.slow
@pytest.mark.promise("H2")
def test_whatever_request_of_a_download_is_lost_every_file_comes_whole(connected, made):
    hub, client = connected
    folder = made("text")
    client("send", folder, "tester/source")
    hub.arrivals.clear()
    assert client("fetch", "tester/source")[0] == "done"
    requests, cut = len(hub.arrivals), 0
    for number in range(requests):
        moment = ("before", "within")[number % 2]
        name = f"tester/copy-{number}"
        client("send", folder, name)
        hub.arrivals.clear()
        hub.cut(number, moment)
        how, _, place = client("fetch", name)
        assert how == "done", (number, moment, hub.arrivals[number], place)
        got = {path for path in shared_files(folder) if (Path(place) / path).exists()}
        assert {"config.json", "model.safetensors", "source_tokenizer/tokenizer.json"} <= got
        assert contents(Path(place), sorted(got)) == contents(folder, sorted(got))
        cut += sum(bool(arrival.cut) for arrival in hub.arrivals)
    print(f"{cut} requests of a download of {requests} were cut and survived")
    assert cut == requests


@pytest.mark.slow
@pytest.mark.promise("H2")
def test_a_hub_that_stays_away_gets_nothing_and_costs_one_sentence(connected, made):
    hub, client = connected
    folder = made("text")
    client("send", folder, "tester/first")
    hub.arrivals.clear()
    for number in range(100):
        hub.cut(number, "before")
    how, seconds, said = client("send", folder, "tester/never")
    assert (how, seconds) == ("failed", 15), "1, 2, 4 and 8 s of patience"
    assert said.startswith("`tester/never` could not be written on the Hub (") and TOKEN not in said
    how, _, said = client("fetch", "tester/first")
    assert how == "failed" and "tester/first is no folder and cannot be read there (" in said
    hub.cuts.clear()
    assert ("models", "tester/never") not in hub.answers.store.repositories


@pytest.mark.slow
@pytest.mark.promise("H2")
def test_transformers_alone_survives_cut_weights_too(connected, made):
    hub, client = connected
    client("send", made("text"), "tester/plain")
    script = """
import sys
from transformers import pipeline
print(pipeline("translation", sys.argv[1], trust_remote_code=True)("dog 1")[0]["translation_text"])
"""
    hub.arrivals.clear()
    hub.cut("GET model.safetensors", "within")
    hub.cut("GET config.json", "within")
    there = hub.run(script, "tester/plain")
    assert [arrival.cut for arrival in hub.arrivals].count("within") == 2
    assert there.splitlines()[-1] == hub.run(script, made("text")).splitlines()[-1]
