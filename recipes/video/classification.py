"""Learn what clips are about.   python recipes/video/classification.py --train_file labels.csv --output_dir out

The table has the columns file, label, and for parts of files start, end in seconds; or name a folder with a sub-folder
for each label. A pretrained VideoMAE is fine-tuned with --model_name_or_path FOLDER_OR_ID. See
docs/how-to/classify-videos.md.
"""

from toolkit import main
from toolkit.adapters.video import VideoClassification

if __name__ == "__main__":
    main(VideoClassification, per_device_train_batch_size=16, per_device_eval_batch_size=16)
