"""See what the recurrent cell changes.   python recipes/lab/cells.py --train_file pairs.tsv

Trains one model twice on the same pairs, with LSTM cells and with GRU cells, which have three quarters of the numbers,
and sets scores, sizes and times of training side by side on one page. Expected: depends on the data.
"""

from functools import partial

from toolkit import TextToText, main
from toolkit.comparison import compare

if __name__ == "__main__":
    main(
        TextToText,
        job=partial(
            compare, title="LSTM and GRU", variants={"lstm": {"cell_type": "lstm"}, "gru": {"cell_type": "gru"}}
        ),
        output_dir="runs/cells",
    )
