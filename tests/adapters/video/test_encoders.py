"""What looks at frames is as small as it says."""

from transformers import VideoMAEModel

from toolkit.adapters.video.encoders import small_videomae
from toolkit.models.layers_frames import quick_positions


def test_the_small_videomae_has_as_many_weights_as_the_guides_say():
    with quick_positions():
        for channels in (1, 3):
            model = VideoMAEModel(small_videomae((48, 64), channels))
            assert round(sum(weight.numel() for weight in model.parameters()) / 1e6, 1) == 0.8
    assert "0.8 million weights" in str(small_videomae.__doc__)
