"""Translate between any two languages.   python recipes/text/translation.py --train_file pairs.tsv --output_dir out

The file has a column to read and a column to write (the first two, or --source_column and --target_column).
"""

from toolkit import Translation, main

if __name__ == "__main__":
    main(Translation)
