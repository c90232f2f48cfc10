"""Who takes part, and how one measurement of one of them is taken: in a process of its own, on one thread.

Every contender is a command that understands `train STEPS` and `decode BEAMS BATCH SENTENCES` and prints one report
(`clock.py`). Another toolkit joins as a folder with such a command, `run.sh`, and a row in `PEERS`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import torch
from clock import read_report

LENGTH = 14
"""Labels of every hypothesis: the mean of the references."""
THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
LIMIT_SECONDS = 3600


@dataclass(frozen=True)
class Contender:
    """One row of the table.

    Attributes:
        name: how the row is called.
        model: what is built, where it is not the reference model.
        command: what is run, before the job.
        environment: what it needs to know besides the job.
        fits: whether training goes by the name `fit`, which keeps weights for its decoding.
    """

    name: str
    model: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    fits: bool = False


@dataclass(frozen=True)
class Peer:
    """Another toolkit in the peers' folder: its own folder there, its distribution, what it is told, what it builds."""

    title: str
    folder: str
    distribution: str
    told: Mapping[str, str]
    model: str
    fits: bool = True


PEERS = (
    Peer("OpenNMT-py", "opennmt", "OpenNMT-py", {"ATTN": "mlp"}, "additive, feeding"),
    Peer("OpenNMT-py", "opennmt", "OpenNMT-py", {"ATTN": "general"}, "general, feeding"),
    Peer("SpeechBrain", "speechbrain", "speechbrain", {}, "additive, feeding", fits=False),
    Peer("JoeyNMT", "joeynmt", "joeynmt", {"ATTN": "bahdanau"}, "additive, feeding"),
    Peer("Marian (PyPI build)", "marian", "pymarian", {}, "additive, conditional, encoder 512 + 512"),
)


def own(data: Path) -> Iterator[Contender]:
    """This repository's models, in reduced precision too where the processor computes in it."""
    precisions = ["", ":bfloat16"] if has_bfloat16() else [""]
    for precision in precisions:
        for kind, model in (("additive", "additive, feeding"), ("general", "general")):
            yield _own("toolkit", kind + precision, f"{model}{', bfloat16' if precision else ''}", data)
    yield _own("plain torch", "plain", "additive, feeding", data)


def _own(name: str, kind: str, model: str, data: Path) -> Contender:
    worker = Path(__file__).with_name("worker.py")
    return Contender(name, model, (sys.executable, str(worker), kind, str(data)))


def peers(folder: Path) -> Iterator[Contender]:
    """The other toolkits, whether or not they are there: a row that could not be measured says so."""
    for peer in PEERS:
        told = {"PEERS": str(folder), "PY": sys.executable, **peer.told}
        site = next(folder.glob(f"venvs/{peer.folder}/lib/python*/site-packages"), None)
        found = metadata.distributions(name=peer.distribution, path=[str(site)]) if site else ()
        version = next((f" {distribution.version}" for distribution in found), "")
        command = ("bash", str(folder / peer.folder / "run.sh"))
        yield Contender(peer.title + version, peer.model, command, told, peer.fits)


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 numbers itself; where it does not, they are slower than float32."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def measure(contender: Contender, job: tuple[str | int, ...], *, warm: int) -> dict | None:
    """What a contender reports about a job, or none, with the end of its complaint on the terminal."""
    command = [*contender.command, *map(str, job)]
    if job[0] == "train" and contender.fits:
        command[len(contender.command)] = "fit"
    environment = {**os.environ, **THREADS, "BENCH_WARM": str(warm), "FORCE_LEN": str(LENGTH), **contender.environment}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"{contender.name}: nothing after {LIMIT_SECONDS} seconds", file=sys.stderr)
        return None
    report = read_report(done.stdout)
    if report is None:
        print(f"{contender.name}: no report\n{(done.stderr or done.stdout)[-800:]}", file=sys.stderr)
    return report


def rate(report: Mapping[str, float]) -> float:
    """Work per processor second: target tokens in training, sentences of 14 labels in decoding.

    A contender whose hypotheses are not all of 14 labels is counted by sentences or by labels, whichever is better
    for it.

    >>> rate({"sent_cpu_s": 10.0, "tok_cpu_s": 280.0})
    20.0
    """
    if "sent_cpu_s" not in report:
        return report["tok_cpu_s"]
    return max(report["sent_cpu_s"], report.get("tok_cpu_s", 0.0) / LENGTH)
