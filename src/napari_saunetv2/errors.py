"""The exceptions that a user may see: each one sentence with the bad value, the rule and the way out."""


class SaunetError(Exception):
    """Base of every error this package raises on purpose."""


class FileFormatError(SaunetError):
    """A file that cannot be read as what it claims to be."""


class OverwriteError(SaunetError, FileExistsError):
    """A file that is already there, and nobody said that it may be replaced."""


class LayoutError(SaunetError):
    """A folder that does not hold the data set it should, or lacks a part that was asked for."""


class ImageError(SaunetError, ValueError):
    """An array that is no image this package can take: its shape, type or values."""


class CheckpointError(SaunetError):
    """A model that is unknown, damaged or not made for this program."""


class DeviceError(SaunetError):
    """A device that this machine does not have."""


class OutOfMemoryError(DeviceError):
    """A device whose memory does not suffice for what was asked of it."""


class SettingsError(SaunetError, ValueError):
    """A setting outside its range."""


class Stopped(SaunetError):
    """The work was stopped on request; nothing of it is kept."""
