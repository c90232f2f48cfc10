"""A video run that was killed ends where it would have ended, with frames labelled and with events written."""

import signal
from pathlib import Path

import pytest

from tests.adapters.video.drawn import TINY, draw
from tests.recipes.forked import end, start
from tests.recipes.test_resume import ending, last_checkpoint

SETTINGS = {
    **TINY,
    **{"hidden_size": 16, "flips": "both", "max_train_seconds": 1.0, "per_device_train_batch_size": 2},
    **{"learning_rate": 0.01, "max_steps": 40, "logging_steps": 3, "output_dir": "run", "frames_folder": "kept"},
    **{"save_strategy": "steps", "eval_strategy": "steps", "save_steps": 4, "eval_steps": 12},
    "load_best_model_at_end": False,  # so that a checkpoint does not wait for an evaluation
}  # 6 films of 18 frames in 2 stretches each: 6 steps an epoch


@pytest.fixture
def tables() -> dict[str, str]:
    for name, count in (("train", 6), ("other", 2)):
        rows = []
        for number in range(count):
            path, lead = f"{name}{number}.mp4", 2 + number
            draw(path, [*lead * ["none"], *5 * ["left"], *5 * ["right"], *(8 - lead) * ["none"]])
            rows += [f"{path},{lead / 10},{lead / 10 + 0.5},left", f"{path},{lead / 10 + 0.5},{lead / 10 + 1},right"]
        Path(f"{name}.csv").write_text("\n".join(["file,start,end,label", *rows]) + "\n")
    return {"train_file": "train.csv", "validation_file": "other.csv"}


@pytest.mark.slow
@pytest.mark.promise("H5")
@pytest.mark.parametrize("decoder", ["frames", "events"])
def test_a_video_run_that_is_killed_goes_on_as_if_it_had_not_been(decoder, tables):
    """SIGKILL after the first checkpoint, in the middle of an epoch, and after another one."""
    settings = {**SETTINGS, **tables, "decoder": decoder}
    said = end(start("video/event_labelling", **{**settings, "output_dir": "whole"}))
    assert said.code == 0, said.err
    for _ in range(2):
        reached = last_checkpoint("run")
        process = start("video/event_labelling", **settings)
        while last_checkpoint("run") == reached:
            process.join(0.02)
            assert process.is_alive()
        process.kill()
        assert end(process).code == -signal.SIGKILL
    assert 4 < last_checkpoint("run") < 40
    said = end(start("video/event_labelling", **settings))
    assert (said.code, "Going on from run/checkpoint-" in said.err) == (0, True)
    assert ending(Path("run")) == ending(Path("whole"))
