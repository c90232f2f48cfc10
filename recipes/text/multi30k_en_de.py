"""Translate captions, trained on Multi30k alone.   python recipes/text/multi30k_en_de.py --output_dir runs/multi30k

Reads the raw files of task 1 (train, val, test_2016_flickr; .en.gz, .de.gz) from the folder that MULTI30K names.
Expected: docs/reference/multi30k.md.
"""

import os
from pathlib import Path

from toolkit import Translation, main

HERE = Path(__file__).parents[2]
DATA = os.path.relpath(os.environ.get("MULTI30K", HERE.parent / "shared/data/multi30k"))

if __name__ == "__main__":
    main(
        Translation,
        **{
            f"{split}_file": f"{DATA}/{name}.en.gz,{DATA}/{name}.de.gz"
            for split, name in (("train", "train"), ("validation", "val"), ("test", "test_2016_flickr"))
        },
        skip_bad=True,  # two captions of the training set are only "@@"
        metric="bleu",
        vocab_size=4000,
        shared_vocabulary=True,
        lowercase_source=True,
        tie_word_embeddings=True,
        hidden_size=320,
        num_hidden_layers=2,
        num_encoder_layers=1,
        embedding_dropout=0.3,
        bpe_dropout=0.15,
        dropout=0.4,
        output_dropout=0.4,
        num_beams=12,
        learning_rate=2e-3,
        label_smoothing_factor=0.1,
        per_device_train_batch_size=96,
        num_train_epochs=34,
    )
