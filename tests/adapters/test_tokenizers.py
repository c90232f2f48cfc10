"""Vocabularies learnt from the user's own sentences."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from toolkit.adapters.tokenizers import TOKENIZER_KINDS, PieceDropout, existing_tokenizers, lowercasing, train_tokenizer
from toolkit.models import Seq2SeqProcessor

SENTENCES = {
    "en": ["The quick brown fox didn't jump.", "Is it 10:45, or 11?", 'She said "no" (twice)!', "e-mail: a@b.org"],
    "de": ["Über den Fluss, süße Maus!", "Größe 42 – zu klein.", "„Ach so“, sagte er.", "Straßenbahnhaltestelle"],
    "ko": ["나는 학교에 간다.", "톰은 3시에 왔어요!", "“안녕하세요?”", "고양이가 매트 위에 앉았다"],
    "ja": ["私は学校へ行きます。", "彼は３時に来た！", "「こんにちは」と言った。", "猫がGPUを食べた"],
}
SAMPLE = Path(__file__).parents[2] / "samples" / "tatoeba_en_ko" / "train.tsv"
both = pytest.mark.parametrize("kind", TOKENIZER_KINDS)


@both
@pytest.mark.parametrize("language", SENTENCES)
def test_what_is_written_can_be_read_again(kind, language):
    texts = SENTENCES[language]
    tokenizer = train_tokenizer(texts * 5, kind=kind, vocab_size=500)
    for text in texts:
        ids = tokenizer(text).input_ids
        assert tokenizer.unk_token_id not in ids
        assert ids[-1] == tokenizer.eos_token_id and ids.count(tokenizer.eos_token_id) == 1
        assert tokenizer.decode(ids, skip_special_tokens=True) == unicodedata.normalize("NFC", text)


@both
def test_what_is_saved_is_what_is_loaded(kind, tmp_path):
    texts = [text for sentences in SENTENCES.values() for text in sentences]
    tokenizer = train_tokenizer(texts, kind=kind, vocab_size=300)
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert [again(text).input_ids for text in texts] == [tokenizer(text).input_ids for text in texts]
    assert again.special_tokens_map == tokenizer.special_tokens_map
    assert again.get_vocab() == tokenizer.get_vocab()
    assert again.padding_side == "right"


@both
@pytest.mark.parametrize("size", [120, 1000])
def test_learning_twice_gives_the_same(kind, size):
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()[1 : 300 if size == 120 else 1500]
    texts = [line.split("\t")[size == 1000] for line in lines]  # few English or many Korean characters
    one, other = (train_tokenizer(texts, kind=kind, vocab_size=size).backend_tokenizer.to_str() for _ in range(2))
    assert one == other


@both
def test_the_vocabulary_is_never_larger_than_asked_for(kind):
    texts = [text for sentences in SENTENCES.values() for text in sentences] * 3
    assert len(train_tokenizer(texts, kind=kind, vocab_size=150)) <= 150


@both
def test_special_tokens_have_their_places_and_padding_is_not_the_first(kind):
    tokenizer = train_tokenizer(SENTENCES["en"], kind=kind)
    marks = [tokenizer.unk_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id]
    assert marks == [0, 1, 2, 3]


def test_a_unigram_vocabulary_too_small_for_the_characters_is_refused_with_the_number():
    with pytest.raises(
        ValueError, match="`vocab_size` must be above 9 for unigram, which keeps every character, but is 9"
    ):
        train_tokenizer(["ab cd"], kind="unigram", vocab_size=9)
    assert len(train_tokenizer(["ab cd"], kind="unigram", vocab_size=10)) == 9


def test_a_hard_space_is_a_space_and_composed_letters_are_one():
    tokenizer = train_tokenizer(["zu Hause", "süß"], kind="char")
    assert tokenizer("zu\u00a0Hause").input_ids == tokenizer("zu Hause").input_ids
    assert tokenizer("su\u0308ß").input_ids == tokenizer("süß").input_ids


def test_words_that_were_not_seen_are_unknown_to_words_and_spelt_by_pieces():
    texts = ["low lower lowest newer wider"] * 4
    assert "<unk>" in train_tokenizer(texts, kind="word").tokenize("newest")
    assert "<unk>" not in train_tokenizer(texts, kind="bpe", vocab_size=60).tokenize("newest")


@pytest.mark.parametrize(("kind", "size"), [("morpheme", 100), ("bpe", 4)])
def test_what_cannot_be_learnt_is_refused(kind, size):
    with pytest.raises(
        ValueError, match="`tokenizer` must be one of" if size == 100 else "`vocab_size` must be above 4"
    ):
        train_tokenizer(["a"], kind=kind, vocab_size=size)


@both
def test_a_lowercasing_copy_has_the_same_vocabulary_and_leaves_the_original(kind):
    tokenizer = train_tokenizer(["ein hund", "ein Hund", "HUND"], kind=kind)
    lower = lowercasing(tokenizer)
    assert lower.get_vocab() == tokenizer.get_vocab()
    assert lower("Ein HUND").input_ids == lower("ein hund").input_ids == tokenizer("ein hund").input_ids
    assert tokenizer("HUND").input_ids != tokenizer("hund").input_ids


def test_a_lowercasing_copy_keeps_the_marks_of_a_stranger():
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({"[PAD]": 0, "[SEP]": 1, "[UNK]": 2, "hund": 3}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    stranger = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", sep_token="[SEP]", unk_token="[UNK]")
    lower = lowercasing(stranger)
    assert lower("Hund").input_ids == [3]
    assert (len(lower), lower.pad_token, lower.eos_token) == (4, "[PAD]", None)


def test_tokenizers_of_a_run_are_taken_as_a_pair_and_a_single_one_for_both_sides(tmp_path):
    source, target = (train_tokenizer(SENTENCES[language], kind="char") for language in ("en", "ko"))
    Seq2SeqProcessor(tokenizer=target, source_tokenizer=source).save_pretrained(tmp_path / "pair")
    source.save_pretrained(tmp_path / "single")
    found = existing_tokenizers(str(tmp_path / "pair"))
    assert [tokenizer.get_vocab() for tokenizer in found] == [source.get_vocab(), target.get_vocab()]
    one, other = existing_tokenizers(str(tmp_path / "single"))
    assert one.get_vocab() == other.get_vocab() == source.get_vocab()


def test_a_tokenizer_that_cannot_pad_is_refused(tmp_path):
    tokenizer = train_tokenizer(["a b"], kind="word")
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="must have a padding and an end token"):
        existing_tokenizers(str(tmp_path))


def test_a_merge_comes_undone_as_often_as_asked_and_no_text_is_changed():
    text = " ".join(SENTENCES["en"])
    tokenizer, random = train_tokenizer([text] * 5, kind="bpe", vocab_size=120), np.random.default_rng(5)
    whole = tokenizer(text).input_ids
    drop = PieceDropout(tokenizer, 0.3)
    merged = [piece for piece in whole if piece in drop.parts]
    survived = 0
    for _ in range(300):
        cut = drop(whole, random)
        assert tokenizer.decode(cut, skip_special_tokens=True) == text
        assert cut[-1] == tokenizer.eos_token_id and len(cut) >= len(whole)
        survived += sum(piece in cut for piece in set(merged))
    assert len(set(merged)) == len(merged) > 5
    assert abs(survived / 300 / len(merged) - 0.7) < 4 * (0.21 / 300 / len(merged)) ** 0.5  # four standard deviations


def test_the_same_generator_cuts_the_same_pieces():
    tokenizer = train_tokenizer(SENTENCES["de"] * 5, kind="bpe", vocab_size=120)
    drop, ids = PieceDropout(tokenizer, 0.5), tokenizer(SENTENCES["de"][0]).input_ids
    cuts = [drop(ids, np.random.default_rng((1, epoch))) for epoch in (0, 0, 1)]
    assert cuts[0] == cuts[1] != cuts[2]
    assert PieceDropout(tokenizer, 0.0)(ids, np.random.default_rng()) == ids


@pytest.mark.parametrize("kind", [kind for kind in TOKENIZER_KINDS if kind != "bpe"])
def test_where_nothing_was_merged_nothing_comes_undone(kind):
    with pytest.raises(ValueError, match="`bpe_dropout` undoes merges, which the tokenizer of the source does not"):
        PieceDropout(train_tokenizer(SENTENCES["en"] * 5, kind=kind, vocab_size=120), 0.1)
