"""See why a Seq2Seq reads to the end before it writes.   python recipes/lab/reordering.py --train_file pairs.tsv

Trains the Seq2Seq, and a tagger in the same vocabularies on the same pairs, and sets both side by side on one page.
Pairs in another order and of equal length: recipes/lab/make_reversed.py. Expected: docs/explanation/attention.md.
"""

from functools import partial

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import TokenClassifierOutput

from toolkit import TextToText, main
from toolkit.tagging import compare_with_tagger


class Tagger(nn.Module):
    """Writes a token at each token that it reads, knowing nothing of those to come."""

    def __init__(self, source_words: int, target_words: int, hidden_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(source_words, hidden_size)
        self.reader = nn.LSTM(hidden_size, hidden_size, batch_first=True)
        self.writer = nn.Linear(hidden_size, target_words)

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.writer.weight.device

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None) -> TokenClassifierOutput:
        """The loss, and logits (B, S, V) of the token to write at each token; what is padded stands at the end."""
        logits = self.writer(self.reader(self.embedding(input_ids))[0])
        loss = None if labels is None else nn.functional.cross_entropy(logits.mT, labels)
        return TokenClassifierOutput(loss=loss, logits=logits)


if __name__ == "__main__":
    job = partial(compare_with_tagger, title="Writing while reading, and afterwards", tagger=Tagger)
    main(TextToText, job=job, metric="exact_match", output_dir="runs/reordering")
