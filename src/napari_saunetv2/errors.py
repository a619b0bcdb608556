"""The exceptions that a user may see: each a sentence with the bad value, the rule and what to do."""


class SaunetError(Exception):
    """Base of every error this package raises on purpose."""


class FileFormatError(SaunetError):
    """A file that cannot be read in the format it claims."""


class OverwriteError(SaunetError, FileExistsError):
    """A file that already exists and may not be replaced."""


class LayoutError(SaunetError):
    """A folder that does not hold the expected data set, or lacks a requested part of it."""


class ImageError(SaunetError, ValueError):
    """An array that is not a valid image: its shape, type or values."""


class CheckpointError(SaunetError):
    """A model that is unknown, damaged or made for another program."""


class DeviceError(SaunetError):
    """A device that this machine does not have."""


class OutOfMemoryError(DeviceError):
    """A device with too little memory for the job."""


class SettingsError(SaunetError, ValueError):
    """A setting outside its range."""


class RegistrationError(SaunetError):
    """Two photographs that cannot be laid over each other: they are not of one eye, or hardly overlap."""


class Stopped(SaunetError):
    """The work was stopped on request; nothing is kept."""
