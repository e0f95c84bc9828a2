"""Plumbing of the book 'Why ResNet Ends in Average Pooling': the idea itself stays in the chapters' cells."""

from gaplab.device import device, device_name
from gaplab.errors import ReaderError

__all__ = ["ReaderError", "device", "device_name"]
