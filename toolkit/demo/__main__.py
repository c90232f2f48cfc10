"""Serve the page of a run, or make it a Space: `python -m toolkit.demo RUN_FOLDER`."""

import argparse
import sys

from transformers.hf_argparser import string_to_bool

from toolkit.demo import launch, push_space, write_space


def main() -> None:
    """Reads the command line; a mistake costs one sentence."""
    parser = argparse.ArgumentParser(prog="python -m toolkit.demo", description=__doc__, allow_abbrev=False)
    parser.add_argument("run", metavar="RUN_FOLDER", help="A run folder or Hub id.")
    parser.add_argument("--task", help="What the page is for; none: what the run was trained for.")
    parser.add_argument("--port", type=int, help="Where to serve; none: the first free port from 7860.")
    parser.add_argument(
        "--share", type=string_to_bool, default=False, help="Whether Gradio makes a public address; false by default."
    )
    parser.add_argument("--write_space", metavar="FOLDER", help="Write a Space into this folder instead of serving.")
    parser.add_argument("--push_space", metavar="OWNER/NAME", help="Publish a Space on the Hub instead of serving.")
    asked = parser.parse_args()
    try:
        if asked.write_space:
            print(f"Space: {write_space(asked.run, asked.write_space, task=asked.task)}")
        elif asked.push_space:
            print(f"Space: {push_space(asked.run, asked.push_space, task=asked.task)}")
        else:
            launch(asked.run, task=asked.task, port=asked.port, share=asked.share)
    except (ValueError, OSError, ModuleNotFoundError) as mistake:
        sys.exit(str(mistake))


if __name__ == "__main__":
    main()
