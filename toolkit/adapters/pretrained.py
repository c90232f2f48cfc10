"""What a pretrained model says of itself before it is loaded."""

from transformers import AutoConfig, PretrainedConfig


def read_config(name_or_path: str, *, flag: str, wanted: str = "name a model") -> PretrainedConfig:
    """The configuration of a model that the user named.

    Args:
        name_or_path: a folder or Hub id.
        flag: where the user named it.
        wanted: what may stand there.

    Raises:
        ValueError: it cannot be loaded.
    """
    try:
        return AutoConfig.from_pretrained(name_or_path)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"`{flag}` must {wanted}, but {name_or_path} cannot be loaded ({first_line(error)}). "
            "Name a folder with a config.json, or a Hub id."
        ) from error


def first_line(error: Exception) -> str:
    """What an error of the library begins with; the rest is advice about other faults."""
    return str(error).strip().partition("\n")[0]


__all__ = ["first_line", "read_config"]
