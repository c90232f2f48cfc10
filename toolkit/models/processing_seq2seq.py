"""The processor of word-to-word models: one tokenizer for what is read, one for what is written."""

import copy

from transformers import BatchEncoding, PreTrainedTokenizerBase, ProcessorMixin


class Seq2SeqProcessor(ProcessorMixin):
    """Turns source and target texts into numbers and numbers back into target texts.

    The target tokenizer lies at the root of a saved folder, so that `AutoTokenizer` finds it; the source tokenizer has
    a folder of its own. Both may be the same object.
    """

    source_tokenizer: PreTrainedTokenizerBase

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, source_tokenizer: PreTrainedTokenizerBase, **settings: object
    ) -> None:
        if source_tokenizer is tokenizer:  # saving marks each of them, and could not take the mark off twice
            source_tokenizer = copy.deepcopy(tokenizer)
        super().__init__(tokenizer, source_tokenizer, **settings)

    def __call__(
        self, text: str | list[str] | None = None, *, text_target: str | list[str] | None = None, **settings: object
    ) -> BatchEncoding:
        """Encodes `text` as `input_ids` and `attention_mask`, and `text_target` as `labels`."""
        encoded = BatchEncoding() if text is None else self.source_tokenizer(text, **settings)
        if text_target is not None:
            encoded["labels"] = self.tokenizer(text_target=text_target, **settings)["input_ids"]
        return encoded

    @property
    def model_input_names(self) -> list[str]:
        """Names of the tensors that the encoder reads."""
        return ["input_ids", "attention_mask"]


__all__ = ["Seq2SeqProcessor"]
