"""Read words from lips, in clips of the GRID corpus.   python recipes/video/grid_words.py --train_file train.csv

The corpus is that of Cooke et al. (2006); a table has a row per word: file,start,end,label. Every frame gets a label,
silence included; --decoder events is to write the words with their times instead. The same clips are read from their
sound by recipes/audio/grid_words.py. Expected: docs/reference/videos.md.
"""

from toolkit import EventLabelling, main

if __name__ == "__main__":
    main(
        EventLabelling,
        output_dir="runs/grid_words",
        background="sil",
        frame_height=48,
        frame_width=80,
        max_train_seconds=3.0,
        hidden_size=256,
        smoothing=0.0,
        class_weights="none",
        num_train_epochs=12,
        learning_rate=2e-3,
        per_device_train_batch_size=16,
        per_device_eval_batch_size=16,
    )
