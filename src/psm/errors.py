"""Every error that PSM raises on purpose, so that callers can catch what they can mend.

Messages are one line: what is wrong, where, and how to fix it. The command line prints them
without a traceback and exits with code 2.
"""


class PSMError(Exception):
    """Base class of every error that a user can act on."""


class ConfigError(PSMError):
    """A setting is unknown, has the wrong type or does not fit the others."""


class InvalidContext(PSMError):
    """A place or time out of range: latitude, longitude, month, hour or source."""


class CorruptRecording(PSMError):
    """An audio file, tile or metadata record that cannot be read."""


class UnusableSound(CorruptRecording):
    """A file whose sound cannot be decoded, or in which there is nothing to hear.

    Args:
        reason: alike for files that fail alike.
        detail: about this one file.
        fix: what mends it.
    """

    def __init__(self, reason: str, *, detail: str = "", fix: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail, self.fix = reason, detail, fix

    def __reduce__(self) -> tuple[object, ...]:
        """For processes that hand it on."""
        return (_unusable, (self.reason, self.detail, self.fix))


def _unusable(reason: str, detail: str, fix: str) -> UnusableSound:
    return UnusableSound(reason, detail=detail, fix=fix)


class CorruptShard(PSMError):
    """A shard member that is missing, truncated or of the wrong type."""


class MissingData(PSMError):
    """A file or folder that should be there is not."""


class CheckpointMismatch(PSMError):
    """Weights that do not belong to the model they are loaded into."""


class ForeignPickle(PSMError):
    """A pickled file that would run code if it were loaded as it asks."""


class HubError(PSMError):
    """The hub did not take an upload: not logged in, not the owner, no network."""


class BrokenPackageData(PSMError):
    """A data package that PSM reads from is absent or its content is not the expected one."""


class UnfinishedBuild(PSMError):
    """A data set that lacks what an archive did not hand over; the rest of it is there."""


class NotEnoughMemory(PSMError):
    """Work that takes more memory than there is; the message names what takes less."""


class WorkerLost(PSMError):
    """A process that did part of the work was killed from outside."""


class MissingExtra(PSMError):
    """An optional dependency is not installed."""


class SettingsChanged(ConfigError):
    """A folder holds work that was begun with other settings, data or weights."""


class StoreUnreachable(PSMError):
    """An object store that does not answer, or not to these credentials."""


class StoreMismatch(PSMError):
    """A store of embedded cells that holds something else than what is asked of it."""


class OutputError(PSMError):
    """A file or folder that cannot be written where it is asked for, or was not written whole."""


class NoRoom(OutputError, OSError):
    """A full disk, a used up quota or a limit on the size of files; made as an ``OSError`` is."""

    def __str__(self) -> str:
        return str(self.strerror)


class PSMWarning(UserWarning):
    """Base class of every warning."""


class BulkDownload(PSMWarning):
    """The terms of a map service do not allow to fetch many of its tiles."""


class CacheNotKept(PSMWarning):
    """The user's cache folder cannot be written; what it would keep is computed again."""


class StaleUncertainty(PSMWarning):
    """What a folder says about the uncertainty of its model is of other weights, and not used."""


class StaleFamiliarity(PSMWarning):
    """What a folder says its model is familiar with is of other weights, and not used."""


class StaleCoverage(PSMWarning):
    """What a folder says of the places that its model covers is of other weights, and not used."""


class NotCovered(PSMWarning):
    """Some places are unlike all that a model was trained on, and are left out."""


class UnfamiliarQuery(PSMWarning):
    """A query that is unlike anything that the model was trained on."""


class FaintRecording(PSMWarning):
    """A recording that is asked for holds hardly a sound."""


class ImageryMissing(PSMWarning):
    """Files or scenes that cannot be read are left out, or servers did not answer."""


class RepairedGeometry(PSMWarning):
    """Some outlines of a region crossed themselves and were repaired, or were left out."""


class PlainPicture(PSMWarning):
    """A picture of a map lacks coasts or towns, since the package that has them is not there."""


class UntrueSpacing(PSMWarning):
    """A coordinate system that was asked for stretches the cells of a grid."""


class GuessedEncoding(PSMWarning):
    """A table is not UTF-8 and was read as another encoding; letters may be wrong."""


class RowsLeftOut(PSMWarning):
    """Some rows of a table could not be used."""


class RenamedColumns(PSMWarning):
    """Columns of a result are called otherwise, since a table had their names already."""
