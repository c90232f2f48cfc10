import pytest

EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-01-01T00:00:00+01:00" FORMAT="3.0" VERSION="3.0">
  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
    <MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/films/match%201.mp4" RELATIVE_MEDIA_URL="./match%201.mp4"/>
  </HEADER>
  <TIME_ORDER>
    <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="500"/>
    <TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1250"/>
    <TIME_SLOT TIME_SLOT_ID="ts3"/>
  </TIME_ORDER>
  <TIER LINGUISTIC_TYPE_REF="t" TIER_ID="left">
    <ANNOTATION>
      <ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
        <ANNOTATION_VALUE>hit &amp; run</ANNOTATION_VALUE>
      </ALIGNABLE_ANNOTATION>
    </ANNOTATION>
  </TIER>
  <TIER LINGUISTIC_TYPE_REF="t" PARENT_REF="left" TIER_ID="remark">
    <ANNOTATION>
      <REF_ANNOTATION ANNOTATION_ID="a2" ANNOTATION_REF="a1"><ANNOTATION_VALUE>why?</ANNOTATION_VALUE></REF_ANNOTATION>
    </ANNOTATION>
  </TIER>
  <TIER LINGUISTIC_TYPE_REF="t" TIER_ID="right">
    <ANNOTATION>
      <ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
        <ANNOTATION_VALUE>out</ANNOTATION_VALUE>
      </ALIGNABLE_ANNOTATION>
    </ANNOTATION>
  </TIER>
</ANNOTATION_DOCUMENT>
"""
BOMB = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<ANNOTATION_DOCUMENT>&lol2;</ANNOTATION_DOCUMENT>
"""
ENCODED = '<?xml version="1.0" encoding="{}"?><ANNOTATION_DOCUMENT/>'
OUTSIDE = '<!DOCTYPE a SYSTEM "file:///etc/passwd"><ANNOTATION_DOCUMENT/>'


@pytest.mark.promise("G1")
def test_annotations_are_rows_tiers_are_tracks_and_what_has_no_time_is_told(write, label):
    write("match 1.mp4")
    rows, faults = label(write("a.eaf", EAF))
    assert rows == [("match 1.mp4", "0.500", "1.250", "hit & run", "left", 13)]
    assert faults == ["a.eaf:25: is an annotation without times. Align it in ELAN."]


def test_times_count_from_the_origin_of_the_recording(write, label):
    write("match 1.mp4")
    rows, _ = label(write("a.eaf", EAF.replace(" RELATIVE_", ' TIME_ORIGIN="2000" RELATIVE_')))
    assert rows[0][1:3] == ("2.500", "3.250")


@pytest.mark.parametrize("place", ["../match 1.mp4", "labels/match 1.mp4", "labels/a.mp4", "labels/video/a.mp4"])
def test_a_recording_is_found_where_the_document_says_or_beside_it(write, label, place):
    write(place.replace("../", ""))
    text = EAF.replace("./match%201.mp4", "../match%201.mp4") if ".." in place else EAF
    rows, _ = label(write("labels/a.eaf", text))
    assert len(rows) == 1 and rows[0][0] == ("labels/" + place if ".." in place else place)


@pytest.mark.promise("H7")
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (BOMB, "a.eaf:2: declares a document type"),
        (OUTSIDE, "a.eaf:1: declares a document type"),
        (EAF[:700], "a.eaf:"),
        ("", "a.eaf:1: is not valid XML from here on (no element found)"),
        ("\0" * 100, "a.eaf:1: is not valid XML from here on"),
        ("<html><body/></html>", "a.eaf:1: is no ELAN document: it starts with <html>"),
        (ENCODED.format("klingon"), "a.eaf:1: has the encoding 'klingon'. Save the document as UTF-8."),
        (ENCODED.format("Shift_JIS"), "a.eaf:1: has the encoding 'Shift_JIS'."),
        (ENCODED.format("unicode_escape"), "a.eaf:1: has the encoding 'unicode_escape'."),
        (EAF.replace("milliseconds", "PAL-frames"), "a.eaf:3: counts in PAL-frames"),
        (EAF.replace(" RELATIVE_", ' TIME_ORIGIN="soon" RELATIVE_'), "a.eaf:4: "),
        ("<ANNOTATION_DOCUMENT>" + "<a>" * 100_000, "a.eaf:1: is not valid XML"),
        (EAF.replace('TIME_VALUE="500"', 'TIME_VALUE="' + "9" * 5000 + '"'), "a.eaf:13: is an annotation without"),
        ('<ANNOTATION_DOCUMENT a="' + "x" * 3_000_000, "a.eaf:1: has a tag of more than 1,048,576 bytes."),
        (EAF.replace("hit", "x" * 1_050_000), "a.eaf:13: `label` is longer than 1,048,576 bytes. Split it."),
    ],
    ids=[
        "bomb",
        "outside",
        "truncated",
        "empty",
        "NUL",
        "html",
        "encoding",
        "of several bytes",
        "no text",
        "units",
        "origin",
        "deep",
        "digits",
    ]
    + ["tag", "label"],
)
def test_a_hostile_document_costs_one_sentence(write, label, content, fault):
    write("match 1.mp4")
    rows, faults = label(write("a.eaf", content))
    assert rows == [] and faults[0].startswith(fault)
    assert len(faults) == 1 or "25: is an annotation without times" in faults[1]
