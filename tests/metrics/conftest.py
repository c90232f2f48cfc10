"""Small corpora in five languages, with what a middling model would make of them."""

import pytest

CORPORA = {
    "english": (
        ["The cat sat on a mat .", "I don't know what you mean", "He is at school today.", "We saw three dogs", ""],
        [
            "The cat sat on the mat.",
            "I don't know what he means.",
            "He is at home today.",
            "We saw three dogs.",
            "Yes.",
        ],
    ),
    "german": (
        ["Ein Mann mit einem Hut steht da.", "Zwei Hunde rennen über Gras.", "eine frau fährt Rad."],
        ["Ein Mann mit Hut steht dort.", "Zwei Hunde rennen über das Gras.", "Eine Frau fährt Fahrrad."],
    ),
    "korean": (
        ["나는 학교에 갔다.", "그는 오늘 밥을 먹었다.", "비가오고 있다.", "고양이가 매트 위에 앉았다."],
        ["나는 학교에 간다.", "그는 어제 밥을 먹었다.", "비가 오고 있다.", "고양이가 의자 위에 앉았다."],
    ),
    "japanese": (
        ["猫は魚を食べた。", "私は学校に行きました。", "今日は雨です。"],
        ["猫が魚を食べた。", "私は学校に行きます。", "今日も雨です。"],
    ),
    "chinese": (
        ["我们昨天去了公园。", "他不喜欢喝咖啡", "我用 PyTorch 训练模型。"],
        ["我们昨天去公园了。", "他不喜欢喝茶。", "我用 PyTorch 训练一个模型。"],
    ),
}


@pytest.fixture(params=CORPORA)
def corpus(request: pytest.FixtureRequest) -> tuple[list[str], list[str]]:
    """Predicted and expected texts, one language after the other."""
    return CORPORA[request.param]


@pytest.fixture
def english() -> tuple[list[str], list[str]]:
    """Predicted and expected English texts; the last prediction is empty."""
    return CORPORA["english"]


@pytest.fixture
def korean() -> tuple[list[str], list[str]]:
    """Predicted and expected Korean texts; the third prediction differs in a space only."""
    return CORPORA["korean"]
