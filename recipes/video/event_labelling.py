"""Learn what happens when in videos.   python recipes/video/event_labelling.py --train_file labels.csv --output_dir out

The table has the columns file, start, end, label in seconds (start = end for an instant), or start_frame and end_frame.
Two kinds of answer by a flag: --decoder frames gives every frame a label, --decoder events writes events with times. A
pretrained VideoMAE looks with --encoder FOLDER_OR_ID. See docs/how-to/label-videos.md.
"""

from toolkit import EventLabelling, main

if __name__ == "__main__":
    main(EventLabelling, per_device_train_batch_size=8, per_device_eval_batch_size=4)
