"""See what a fixed context vector forgets.   python recipes/lab/bottleneck.py --train_file pairs.tsv

Trains one model twice on the same pairs, without attention and with it, and sets both side by side on one page: score
by source length, and the difference with its interval. Pairs to begin with: recipes/lab/make_reversed.py.
Expected: docs/explanation/attention.md.
"""

from functools import partial

from toolkit import TextToText, main
from toolkit.comparison import compare

if __name__ == "__main__":
    main(
        TextToText,
        job=partial(
            compare,
            title="A fixed context, and attention",
            variants={"without attention": {"attention_type": "none"}, "with attention": {}},
        ),
        output_dir="runs/bottleneck",
    )
