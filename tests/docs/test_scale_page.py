"""The configurations in the guide to several machines are ones that accelerate accepts."""

import re
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils import DistributedType

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/scale.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))


@pytest.mark.promise("H6")
@pytest.mark.parametrize(
    ("name", "kind", "machines", "processes"),
    [
        ("one_machine.yaml", DistributedType.MULTI_GPU, 1, 4),
        ("two_machines.yaml", DistributedType.MULTI_GPU, 2, 16),
        ("fsdp.yaml", DistributedType.FSDP, 1, 4),
        ("deepspeed.yaml", DistributedType.DEEPSPEED, 1, 4),
    ],
)
def test_accelerate_reads_the_file_as_it_is_meant(name, kind, machines, processes):
    Path(name).write_text(FILES[name])
    config = load_config_from_file(name)
    assert (config.distributed_type, config.num_machines, config.num_processes) == (kind, machines, processes)
    arguments, _, _ = _validate_launch_command(
        launch_command_parser().parse_args(["--config_file", name, "recipes/text/translation.py"])
    )
    assert (arguments.use_fsdp, arguments.use_deepspeed) == (
        kind == DistributedType.FSDP,
        kind == DistributedType.DEEPSPEED,
    )
    assert arguments.mixed_precision == "bf16"


def test_every_file_on_the_page_is_tried():
    assert len(FILES) == PAGE.count("```yaml") == 4
