"""Sound to log-mel frames, and the processor of models that read them: frames in, labels out.

Shapes: `B` recordings, `N` samples, `S` frames, `M` mel bins. Frames come time first, as the recurrent encoder reads.
"""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    BatchFeature,
    PreTrainedTokenizerBase,
    ProcessorMixin,
    SequenceFeatureExtractor,
    WhisperFeatureExtractor,
)
from transformers.audio_utils import mel_filter_bank

QUIET = 1e-7
"""Power below which everything is silence; the logarithm needs one."""


class LogMelFeatureExtractor(SequenceFeatureExtractor):
    """Log-mel frames at any sample rate, each the sound around one instant: frame i is centred at i hops.

    Args:
        feature_size: mel bins, M.
        sampling_rate: samples per second of what it reads.
        window_seconds: how much sound one frame looks at.
        hop_seconds: from one frame to the next.
        normalize: whether each bin of a recording gets mean 0 and variance 1, so that loudness, microphone and line
            make no difference.
        padding_value: fills frames after a recording's end.
        **settings: what the library saves beside these.

    >>> LogMelFeatureExtractor(feature_size=40, sampling_rate=8000)([0.1] * 8000)["input_features"][0].shape
    torch.Size([101, 40])
    """

    model_input_names = ["input_features", "attention_mask"]

    def __init__(
        self,
        feature_size: int = 80,
        sampling_rate: int = 16000,
        window_seconds: float = 0.025,
        hop_seconds: float = 0.01,
        normalize: bool = True,
        padding_value: float = 0.0,
        **settings: Any,
    ) -> None:
        super().__init__(feature_size, sampling_rate, padding_value, **settings)
        self.window_seconds, self.hop_seconds, self.normalize = window_seconds, hop_seconds, normalize
        _filters(feature_size, self.n_fft, sampling_rate)  # refuses bins that would hear nothing

    @property
    def window_length(self) -> int:
        """Samples that one frame looks at."""
        return round(self.window_seconds * self.sampling_rate)

    @property
    def hop_length(self) -> int:
        """Samples from one frame to the next."""
        return round(self.hop_seconds * self.sampling_rate)

    @property
    def n_fft(self) -> int:
        """Length of the Fourier transform: the power of two that holds a window."""
        return 1 << (self.window_length - 1).bit_length()

    def __call__(
        self, raw_speech: Any, *, sampling_rate: int | None = None, return_tensors: str | None = None
    ) -> BatchFeature:
        """Turns one recording, (N,), or a list of them into frames.

        Args:
            raw_speech: numbers from -1 to 1 as array, tensor or list.
            sampling_rate: at which they were taken; checked if given.
            return_tensors: "pt" for `input_features` (B, S, M) and `attention_mask` (B, S), padded to the longest; none
                for lists of tensors without padding.
        """
        if sampling_rate not in (None, self.sampling_rate):
            raise ValueError(
                f"`sampling_rate` must be {self.sampling_rate} for this model, but is {sampling_rate}. Resample first."
            )
        return batched(
            [self._frames(samples) for samples in recordings(raw_speech)], self.padding_value, return_tensors
        )

    def _frames(self, samples: Tensor) -> Tensor:
        """(N,) -> (S, M)."""
        spectrum = torch.stft(
            samples,
            self.n_fft,
            self.hop_length,
            self.window_length,
            torch.hann_window(self.window_length),
            pad_mode="constant",  # reflection needs more samples than the shortest words have
            return_complex=True,
        )
        power = _filters(self.feature_size, self.n_fft, self.sampling_rate) @ spectrum.abs().square()
        frames = power.clamp(min=QUIET).log().t()
        if self.normalize:
            frames = (frames - frames.mean(0)) / (frames.std(0, unbiased=False) + 1e-5)
        return frames


@cache
def _filters(bins: int, n_fft: int, sampling_rate: int) -> Tensor:
    """(M, n_fft / 2 + 1), triangles that are narrow where pitch is low (Slaney, 1998)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns of what is refused below
        filters = mel_filter_bank(
            n_fft // 2 + 1, bins, 0.0, sampling_rate / 2, sampling_rate, norm="slaney", mel_scale="slaney"
        )
    if not filters.any(0).all():
        raise ValueError(
            f"`feature_size` must leave each bin something to hear, but is {bins} at {sampling_rate} samples a second, "
            f"with {n_fft // 2 + 1} frequencies. Choose fewer bins or a longer window."
        )
    return torch.from_numpy(filters).float().t().contiguous()


def recordings(given: Any) -> list[Tensor]:
    """One recording or several, each as (N,) float32.

    Raises:
        ValueError: one is empty, has several channels, or holds what is no number.
    """
    several = isinstance(given, Sequence) and len(given) > 0 and not isinstance(given[0], int | float)
    found = [torch.as_tensor(samples).to(torch.float32) for samples in (given if several else [given])]
    for samples in found:
        if samples.dim() != 1:
            raise ValueError(
                f"A recording must be one row of samples, but has the shape {tuple(samples.shape)}. Mix its channels."
            )
        if not len(samples):
            raise ValueError("A recording must hold at least one sample, but is empty. Leave it out.")
        if not samples.isfinite().all():
            raise ValueError("A recording must hold finite numbers, but has NaN or infinity. Repair or leave it out.")
    return found


def batched(rows: list[Tensor], padding_value: float, return_tensors: str | None) -> BatchFeature:
    """Frames (S, M) of each recording with their masks: as they are or, for "pt", padded to the longest."""
    masks = [torch.ones(len(row), dtype=torch.long) for row in rows]
    if return_tensors is None:
        return BatchFeature({"input_features": rows, "attention_mask": masks})
    if return_tensors != "pt":
        raise ValueError(f"`return_tensors` must be 'pt' or none, but is {return_tensors!r}. Convert what comes back.")
    features = pad_sequence(rows, batch_first=True, padding_value=padding_value)
    return BatchFeature({"input_features": features, "attention_mask": pad_sequence(masks, batch_first=True)})


class SpeechSeq2SeqProcessor(ProcessorMixin):
    """Turns recordings into frames, transcripts into labels, and labels back into text.

    Over a pretrained encoder its own feature extractor goes here, Whisper's for one. Short clips are then not padded to
    the 30 seconds that Whisper itself needs.
    """

    def __init__(
        self,
        feature_extractor: LogMelFeatureExtractor | WhisperFeatureExtractor,
        tokenizer: PreTrainedTokenizerBase,
        **settings: Any,
    ) -> None:
        super().__init__(feature_extractor, tokenizer, **settings)

    def __call__(
        self,
        audio: Any = None,
        *,
        text: str | list[str] | None = None,
        sampling_rate: int | None = None,
        return_tensors: str | None = None,
    ) -> BatchFeature:
        """Encodes `audio` as `input_features` (B, S, M) and `attention_mask` (B, S), and `text` as `labels`.

        Args:
            audio: one recording, (N,), or a list of them.
            text: one transcript or a list of them; its ids come unpadded, as the tokenizer gives them.
            sampling_rate: of the audio; checked if given.
            return_tensors: "pt" for padded tensors; none for lists of tensors, one per recording.
        """
        encoded = BatchFeature() if audio is None else self._encode(audio, sampling_rate, return_tensors)
        if text is not None:
            encoded["labels"] = self.tokenizer(text)["input_ids"]
        return encoded

    def _encode(self, audio: Any, sampling_rate: int | None, return_tensors: str | None) -> BatchFeature:
        extract = self.feature_extractor
        if isinstance(extract, LogMelFeatureExtractor):
            return extract(audio, sampling_rate=sampling_rate, return_tensors=return_tensors)
        rows = []
        for samples in recordings(audio):
            # Its own length, but never less than one window, instead of 30 seconds.
            length = max(len(samples), extract.n_fft)
            rate = extract.sampling_rate if sampling_rate is None else sampling_rate
            frames = extract(samples.numpy(), sampling_rate=rate, padding="max_length", max_length=length)
            rows.append(torch.as_tensor(frames["input_features"])[0].t().contiguous())
        return batched(rows, extract.padding_value, return_tensors)

    @property
    def seconds_per_frame(self) -> float:
        """From one frame to the next; frame 0 is at the start of the recording."""
        return self.feature_extractor.hop_length / self.feature_extractor.sampling_rate

    @property
    def model_input_names(self) -> list[str]:
        """Names of the tensors that the encoder reads."""
        return ["input_features", "attention_mask"]


__all__ = ["LogMelFeatureExtractor", "SpeechSeq2SeqProcessor"]
