"""What a configuration refuses, in sentences that name the way out, and what it derives."""

import pytest

from toolkit.models import RecurrentSeq2SeqConfig

REFUSED = [
    (dict(cell_type="rnn"), "`cell_type` must be one of lstm, gru, but is 'rnn'."),
    (
        dict(attention_type="luong"),
        "`attention_type` must be one of additive, dot, general, multi_head, location, none, but is 'luong'.",
    ),
    (dict(vocab_size=0), "`vocab_size` must be at least 1, but is 0."),
    (dict(source_vocab_size=0), "`source_vocab_size` must be at least 1, but is 0."),
    (dict(input_feature_size=0), "`input_feature_size` must be at least 1, but is 0."),
    (dict(embedding_size=-1), "`embedding_size` must be at least 1, but is -1."),
    (dict(hidden_size=0), "`hidden_size` must be at least 1, but is 0."),
    (dict(num_hidden_layers=0), "`num_hidden_layers` must be at least 1, but is 0."),
    (dict(num_encoder_layers=0), "`num_encoder_layers` must be at least 1, but is 0."),
    (dict(num_attention_heads=0), "`num_attention_heads` must be at least 1, but is 0."),
    (dict(dropout=1.0), "`dropout` must be at least 0 and below 1, but is 1.0."),
    (dict(embedding_dropout=-0.1), "`embedding_dropout` must be at least 0 and below 1, but is -0.1."),
    (dict(output_dropout=2), "`output_dropout` must be at least 0 and below 1, but is 2."),
    (dict(word_dropout=1), "`word_dropout` must be at least 0 and below 1, but is 1."),
    (dict(recurrent_dropout=-1), "`recurrent_dropout` must be at least 0 and below 1, but is -1."),
    (dict(label_smoothing=1.0), "`label_smoothing` must be at least 0 and below 1, but is 1.0."),
    (
        dict(hidden_size=7),
        "`hidden_size` must be even for a bidirectional encoder, but is 7. Each direction gets half of it.",
    ),
    (
        dict(attention_type="multi_head", hidden_size=10),
        "`num_attention_heads` must divide `hidden_size` (10), but is 4.",
    ),
    (
        dict(source_vocab_size=10, input_feature_size=10),
        "`source_vocab_size` (10) and `input_feature_size` (10) exclude each other",
    ),
    (dict(vocab_size=3), "`pad_token_id` must be one of the 3 labels, counted from 0, but is 3."),
    (
        dict(vocab_size=10, eos_token_id=[2, 10]),
        "`eos_token_id` must be one of the 10 labels, counted from 0, but is 10.",
    ),
    (
        dict(vocab_size=10, decoder_start_token_id=-1),
        "`decoder_start_token_id` must be one of the 10 labels, counted from 0, but is -1.",
    ),
    *(
        (dict(share_embeddings=True, **more), "`share_embeddings` needs words of one common vocabulary on both sides")
        for more in (
            dict(),
            dict(tie_word_embeddings=True, source_vocab_size=10),
            dict(tie_word_embeddings=True, input_feature_size=10),
        )
    ),
]


@pytest.mark.parametrize(("settings", "sentence"), REFUSED, ids=[str(case[0]) for case in REFUSED])
def test_a_bad_value_is_refused_in_a_sentence(settings, sentence):
    with pytest.raises(ValueError) as refusal:
        RecurrentSeq2SeqConfig(**settings)
    assert sentence in str(refusal.value)


def test_a_value_of_the_wrong_kind_is_refused():
    with pytest.raises(Exception, match="hidden_size"):
        RecurrentSeq2SeqConfig(hidden_size="wide")


def test_odd_widths_and_head_counts_are_fine_where_nothing_has_to_be_divided():
    config = RecurrentSeq2SeqConfig(hidden_size=7, bidirectional=False, num_attention_heads=3)
    assert (config.hidden_size, config.num_attention_heads) == (7, 3)


def test_the_encoder_is_as_deep_as_the_decoder_unless_told_otherwise():
    assert RecurrentSeq2SeqConfig(num_hidden_layers=3).encoder_layers == 3
    assert RecurrentSeq2SeqConfig(num_hidden_layers=3, num_encoder_layers=1).encoder_layers == 1


def test_a_configuration_survives_its_own_dictionary():
    config = RecurrentSeq2SeqConfig(cell_type="gru", attention_type="none", num_encoder_layers=2, eos_token_id=[2, 5])
    assert RecurrentSeq2SeqConfig.from_dict(config.to_dict()).to_dict() == config.to_dict()
