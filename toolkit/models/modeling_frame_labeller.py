"""The model that gives every frame of a video a label, after it has seen the whole of it.

Shapes: `B` videos, `F` frames, `C` channels, `Y` `X` height and width, `S` steps of time, `D` width, `V` labels.
"""

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.modeling_outputs import TokenClassifierOutput

from .configuration_frame_labeller import FrameLabellerConfig
from .layers_frames import make_frame_encoder, step_mask
from .layers_recurrent import RecurrentEncoder
from .modeling_recurrent_seq2seq import RecurrentSeq2SeqPreTrainedModel


class RecurrentFrameLabeller(RecurrentSeq2SeqPreTrainedModel):
    """Frames become vectors, a recurrent network reads these in both directions, and each step names its frames.

    It is registered as a token classifier, whose contract it keeps: one row of scores for each element of the input,
    labels of -100 left out of the loss. (A video classifier, in the library's sense, gives one label to a whole video.)

    >>> model = RecurrentFrameLabeller(FrameLabellerConfig(num_labels=3)).eval()
    >>> model(frames=torch.zeros(1, 17, 1, 48, 64)).logits.shape
    torch.Size([1, 17, 3])
    """

    config_class: Any = FrameLabellerConfig
    main_input_name = "frames"
    accepts_loss_kwargs = True
    _is_stateful = False
    _supports_sdpa = True

    def __init__(self, config: FrameLabellerConfig) -> None:
        super().__init__(config)
        self.frame_encoder = make_frame_encoder(config.frame_encoder)
        self.encoder = RecurrentEncoder(config.reader)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.hidden_size, config.frame_encoder.frames_per_step * config.num_labels)
        self.post_init()

    def train(self, mode: bool = True) -> "RecurrentFrameLabeller":
        """As in torch, but a frozen frame encoder stays as it serves."""
        super().train(mode)
        if self.config.freeze_encoder:
            self.frame_encoder.eval().requires_grad_(False)  # here, since loading puts fresh parameters in their place
        return self

    def frame_features(self, frames: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """One vector per step: (B, F, C, Y, X) -> (B, S, D). From a frozen encoder, computed once and given again."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.freeze_encoder):
            return self.frame_encoder(frames, attention_mask)[0]

    def stream_features(self, blocks: Iterable[Tensor]) -> Tensor:
        """The same of one video that comes in blocks of frames, (some, C, Y, X), and may be long: (1, S, D)."""
        return torch.cat(list(self.frame_encoder.stream(blocks)))[None]

    def forward(
        self,
        frames: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        frame_features: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        return_dict: bool | None = None,
    ) -> TokenClassifierOutput:
        """Scores the labels of every frame.

        Args:
            frames: (B, F, C, Y, X), as the processor gives them.
            attention_mask: (B, F), 1 at real frames, also where features are given; padding stands at the end.
            labels: (B, F), -100 where nothing is to be learnt.
            frame_features: (B, S, D), what `frame_features` gave, in place of frames.
            num_items_in_batch: labels in all batches of one optimizer step; the loss is divided by it.
            return_dict: what the library passes to every model; this one answers by name always.

        Returns:
            `logits` (B, F, V) and, with labels, the `loss`: the mean over real labels.
        """
        if frame_features is None:
            if frames is None:
                raise ValueError("`frames` or `frame_features` must be given, but neither is.")
            frame_features = self.frame_features(frames, attention_mask)
        per_step = self.config.frame_encoder.frames_per_step
        if attention_mask is None:
            length = frame_features.shape[1] * per_step if frames is None else frames.shape[1]
            attention_mask = frame_features.new_ones(len(frame_features), length)
        read = self.encoder(
            input_features=self.dropout(frame_features), attention_mask=step_mask(attention_mask, per_step)
        )
        logits = self.classifier(read.last_hidden_state)  # (B, S, frames of a step * V)
        logits = logits.unflatten(2, (per_step, -1)).flatten(1, 2)[:, : attention_mask.shape[1]]
        loss = None if labels is None else self._loss(logits, labels, attention_mask, num_items_in_batch)
        return TokenClassifierOutput(loss=loss, logits=logits)

    def _loss(self, logits: Tensor, labels: Tensor, mask: Tensor, items: Tensor | int | None) -> Tensor:
        """Cross-entropy, and the truncated mean squared error of neighbouring frames (Farha and Gall, 2019, 3.2).

        Both are sums over frames divided by the number of labels, so that accumulated batches add up exactly.
        """
        weights = None if self.config.class_weights is None else logits.new_tensor(self.config.class_weights)
        total = F.cross_entropy(logits.transpose(1, 2), labels, weights, ignore_index=-100, reduction="sum")
        if self.config.smoothing:
            scores = logits.log_softmax(-1)
            change = (scores[:, 1:] - scores[:, :-1].detach()).abs().clamp(max=self.config.smoothing_limit)
            real = mask[:, 1:].bool()
            total = total + self.config.smoothing * change.square().mean(-1)[real].sum()
        return total / (labels.ne(-100).sum().clamp(min=1) if items is None else items)


__all__ = ["RecurrentFrameLabeller"]
