"""Videos are cut into stretches that leave nothing out."""

from itertools import pairwise

import pytest

from toolkit.adapters.video.stretches import cut


@pytest.mark.parametrize(("step", "borders"), [(1, [0, 5, 10, 15, 20]), (2, [0, 4, 10, 14, 20])])
def test_stretches_are_about_as_long_as_each_other(step, borders, table):
    one = cut(table([{"file": "a.mp4"}]), {"a.mp4": 20}, file_column="file", longest=6, step=step)
    assert [(row["start_seen"], row["end_seen"]) for row in one.dataset] == list(pairwise(borders))


@pytest.mark.parametrize("step", [1, 2])
def test_no_stretch_is_longer_than_asked_for_and_no_cut_parts_a_step(step, table):
    for length in range(1, 60):
        for longest in range(step, 20, step):
            rows = cut(table([{"file": "a"}]), {"a": length}, file_column="file", longest=longest, step=step).dataset
            places = [(row["start_seen"], row["end_seen"]) for row in rows]
            assert [place for pair in places for place in range(*pair)] == list(range(length))
            lengths = [end - start for start, end in places]
            assert len(lengths) == -(-length // longest) and max(lengths) <= longest
            assert not any(start % step for start, _ in places) and max(lengths) - min(lengths) < 2 * step
