"""Shorten texts.   python recipes/text/summarization.py --train_file texts.jsonl --output_dir out

The file has a column to read and a column to write (the first two, or --source_column and --target_column).
"""

from toolkit import Summarization, main

if __name__ == "__main__":
    main(Summarization)
