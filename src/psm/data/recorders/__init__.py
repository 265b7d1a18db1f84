"""What field recorders write of a recording: its time, place and maker, in headers and names."""

from psm.data.recorders.note import RecorderNote
from psm.data.recorders.reading import note_of, note_of_name

__all__ = ["RecorderNote", "note_of", "note_of_name"]
