"""What was spoken and written in training is saved with a model, and need not be said again."""

from pathlib import Path

import pytest

from toolkit import DataArguments, RecipeArguments, Transcription, run
from toolkit.models import save_portable


def test_language_and_task_that_are_saved_need_not_be_said_again(folder, tmp_path):
    first = Transcription(model_name_or_path=folder, language="de", speech_task="translate")
    save_portable(first.model(), first.processor, tmp_path / "run")
    again = Transcription(model_name_or_path=str(tmp_path / "run"))
    settings = again.model().generation_config
    assert (settings.language, settings.task) == ("de", "translate")
    assert again.metric == "chrf" and again.score(["a b"], ["a c"]).keys() >= {"bleu", "chrf"}
    assert Transcription(model_name_or_path=str(tmp_path / "run"), language="ko")._learner.language == "ko"


@pytest.mark.parametrize("hears", ["mel", "whisper"])
def test_a_core_knows_as_well_what_it_was_trained_for(hears, folder, recordings, tmp_path):
    table = "file_name,text\n" + "".join(f"{Path(name).name},{text}\n" for name, text in recordings)
    (tmp_path / "rows.csv").write_text(table)
    encoder = {"whisper": folder}.get(hears, hears)
    first = Transcription(encoder=encoder, language="ko", speech_task="translate", hidden_size=8, embedding_size=8)
    data = DataArguments(train_file=str(tmp_path / "rows.csv"), validation_share=0.2)
    run(first, data, RecipeArguments(str(tmp_path / "out"), num_train_epochs=1, learning_rate=0.01, use_cpu=True))
    again = Transcription(model_name_or_path=str(tmp_path / "out"))
    assert again.metric == "chrf" and again.score(["a b"], ["a c"]).keys() == {"bleu", "bleu_lowercase", "chrf"}
    other = Transcription(model_name_or_path=str(tmp_path / "out"), speech_task="transcribe")
    assert other.score(["a"], ["a"])["wer_normalized"].signature.startswith("norm:whisper-ko|")
    save_portable(other.model(), other.processor, tmp_path / "other")
    assert Transcription(model_name_or_path=str(tmp_path / "other")).metric == "wer"
