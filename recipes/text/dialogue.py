"""Answer what was said.   python recipes/text/dialogue.py --train_file questions_and_answers.csv --output_dir out

The file has a column to read and a column to write (the first two, or --source_column and --target_column).
"""

from toolkit import Dialogue, main

if __name__ == "__main__":
    main(Dialogue)
