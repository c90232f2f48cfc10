"""See what teacher forcing changes.   python recipes/lab/forcing.py --train_file pairs.tsv

Trains one model three times from the same seed: the decoder always reads the right word, every second time, and never;
otherwise it reads its own. Loss and score against steps, and the exposure gap, stand on one page.
Expected: depends on the data.
"""

from functools import partial

from toolkit import TextToText, main
from toolkit.comparison import compare

if __name__ == "__main__":
    main(
        TextToText,
        job=partial(
            compare,
            title="Teacher forcing",
            variants={f"ratio {ratio}": {"teacher_forcing_ratio": ratio} for ratio in (1.0, 0.5, 0.0)},
        ),
        output_dir="runs/forcing",
    )
