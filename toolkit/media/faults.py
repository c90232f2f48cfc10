"""What is wrong with a recording, in one sentence that ends with the way out."""


class MediaError(ValueError):
    """A recording cannot be used as it is: the name of it, what is wrong, what to do.

    >>> print(MediaError("talk.mp3", "is empty (0 bytes). Copy the recording again."))
    `talk.mp3` is empty (0 bytes). Copy the recording again.
    """

    def __init__(self, name: str, sentence: str) -> None:
        self.name = name
        self.sentence = sentence
        super().__init__(name, sentence)

    def __str__(self) -> str:
        return f"`{self.name}` {self.sentence}"
