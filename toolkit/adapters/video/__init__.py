"""Videos: what happens in them when, as a label for every frame or as events; or what they are about."""

from toolkit.adapters.video.classification import VideoClassification
from toolkit.adapters.video.event_labelling import EventLabelling
from toolkit.adapters.video.serving import BUILDERS, EventDetector, detector

__all__ = ["BUILDERS", "EventDetector", "EventLabelling", "VideoClassification", "detector"]
