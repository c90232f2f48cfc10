"""Learn to transcribe recordings.   python recipes/audio/transcription.py --train_file metadata.csv --output_dir out

The table has the columns file_name and text, and start and end where rows are parts of recordings. Three models by a
flag: a recurrent one from scratch (default), --encoder openai/whisper-tiny under our decoder, or Whisper itself with
--model_name_or_path openai/whisper-tiny.
"""

from toolkit import Transcription, main

if __name__ == "__main__":
    main(Transcription)
