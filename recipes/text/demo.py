"""Translate Korean into English after a few minutes, from the embedded sample.   python recipes/text/demo.py

Expected after 15 epochs of 5,149 pairs: recipes/README.md.
"""

from pathlib import Path

from toolkit import DataArguments, RecipeArguments, Translation, pipeline, run

SAMPLE = Path(__file__).parents[2] / "samples/tatoeba_en_ko"
SENTENCES = ["나는 톰을 알아.", "톰은 우유를 마셨어.", "우리는 집에 가고 싶어."]

if __name__ == "__main__":
    outcome = run(
        Translation(source_column="ko", target_column="en", vocab_size=3000, embedding_size=128, dropout=0.3),
        DataArguments(
            **{f"{split}_file": str(SAMPLE / f"{split}.tsv") for split in ("train", "validation", "test")},
            data_license="CC BY 2.0 FR",
        ),
        RecipeArguments(
            "runs/demo", overwrite_output_dir=True, num_train_epochs=15, learning_rate=2e-3, label_smoothing_factor=0.1
        ),
    )
    translate = pipeline("translation", "runs/demo")
    for sentence, answer in zip(SENTENCES, translate(SENTENCES), strict=True):
        print(f"{sentence}  →  {answer['translation_text']}")
    print(f"On {outcome.evaluation.rows} test sentences: {outcome.evaluation.scores['chrf']}")
    print(f"Report: {outcome.folder / 'report.html'}")
