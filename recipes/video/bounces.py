"""Spot the bounces, hits and outs of drawn balls.   python recipes/video/bounces.py

First draw them: python recipes/video/make_bounces.py data/bounces. Change the data and other events are found.
Expected on one CPU core: mean average precision 99 at one frame, after two minutes (docs/reference/videos.md).
"""

from toolkit import EventLabelling, main

if __name__ == "__main__":
    main(
        EventLabelling,
        **{f"{split}_file": f"data/bounces/{split}.csv" for split in ("train", "validation", "test")},
        output_dir="runs/bounces",
        metric="map_1",
        max_train_seconds=4.0,
        num_train_epochs=25,
        learning_rate=2e-3,
        per_device_train_batch_size=4,
        per_device_eval_batch_size=4,
    )
