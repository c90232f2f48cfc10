"""Write what a speaker says from the sound.   python recipes/audio/grid_words.py --output_dir runs/grid_sound

Reads train.csv and validation.csv (columns file,start,end,label: a row per word) of mouth clips from the GRID corpus
in the folder that GRID names; recipes/video/grid_words.py learns the same words from the lips.
Expected on one CPU core: word error rate 20 after three minutes, pauses counted as words.
"""

import os
from pathlib import Path

from toolkit import Transcription, main

HERE = Path(__file__).parents[2]
DATA = os.path.relpath(os.environ.get("GRID", HERE.parent / "shared/data/grid_mouth"))

if __name__ == "__main__":
    main(
        Transcription,
        train_file=f"{DATA}/train.csv",
        validation_file=f"{DATA}/validation.csv",
        file_column="file",
        text_column="label",
        tokenizer="word",
        join_seconds=3.0,
        skip_bad=True,  # one pause of 10 ms
        hidden_size=256,
        embedding_size=64,
        num_encoder_layers=2,
        spec_augment=True,
        per_device_train_batch_size=16,
        num_train_epochs=24,
    )
