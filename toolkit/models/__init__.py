"""The models that travel to the Hub, and the table that registers them with the Auto classes."""

from transformers import AutoConfig, AutoModelForSeq2SeqLM

from toolkit.models.configuration_recurrent_seq2seq import RecurrentSeq2SeqConfig
from toolkit.models.modeling_recurrent_seq2seq import RecurrentSeq2SeqForConditionalGeneration

MODELS = [(RecurrentSeq2SeqConfig, RecurrentSeq2SeqForConditionalGeneration, AutoModelForSeq2SeqLM)]

for _config, _model, _auto in MODELS:
    AutoConfig.register(_config.model_type, _config, exist_ok=True)
    _auto.register(_config, _model, exist_ok=True)
    _config.register_for_auto_class()
    _model.register_for_auto_class(_auto.__name__)

__all__ = ["RecurrentSeq2SeqConfig", "RecurrentSeq2SeqForConditionalGeneration"]
