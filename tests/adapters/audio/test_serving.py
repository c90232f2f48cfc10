"""Devices are named as transformers names them."""

import pytest

from toolkit.adapters.audio import serving


@pytest.mark.parametrize("device", [None, -1, "cpu"])
def test_minus_one_is_the_processor(english, device):
    model, processor = english
    hear = serving.transcriber(model, processor=processor, device=device)
    assert hear.engine.model.device.type == "cpu"


@pytest.mark.parametrize(
    ("device", "kind", "index"), [("cuda:1", "cuda", 1), (1, "cuda", 1), ("cuda", "cuda", 0), (-1, "cpu", 0)]
)
def test_the_number_of_a_gpu_reaches_ctranslate2(monkeypatch, device, kind, index):
    seen = {}

    class Engine:
        def __init__(self, folder, **given):
            seen.update(given)

        def check(self, request): ...

    monkeypatch.setattr(serving, "load_library", lambda: None)
    monkeypatch.setattr(serving, "converted", lambda name, **_: name)
    monkeypatch.setattr(serving, "CTranslate2Engine", Engine)
    serving.transcriber("folder", engine="ctranslate2", device=device)
    assert seen == {"precision": "int8", "device": kind, "device_index": index}
