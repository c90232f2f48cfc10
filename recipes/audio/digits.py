"""Learn spoken digits from scratch.   python recipes/audio/digits.py --output_dir runs/digits

Wants the tables that recipes/audio/make_digits.py writes to runs/digits_data, or to the folder that DIGITS names.
Expected in 17 minutes on two CPU cores: docs/reference/digits.md.
"""

import os

from toolkit import Transcription, main

DATA = os.environ.get("DIGITS", "runs/digits_data")

if __name__ == "__main__":
    main(
        Transcription,
        train_file=f"{DATA}/train.csv",
        validation_file=f"{DATA}/validation.csv",
        test_file=f"{DATA}/test_strings.csv",
        sample_rate_hz=8000,
        mel_bins=40,
        embedding_size=64,
        hidden_size=256,
        num_encoder_layers=2,
        spec_augment=True,
        speed_perturbation=True,
        per_device_train_batch_size=32,
        shortest_first_epochs=1,
        num_train_epochs=12,
    )
