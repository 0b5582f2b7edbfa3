"""Sends recordings to a portal, through a queue that survives crashes and bad networks."""

from recordings_client.api_integration import ApiIntegrationManager
from recordings_client.downloading import download
from recordings_client.errors import (
    ApiError,
    AuthenticationError,
    NetworkError,
    ServerError,
    UploadError,
    ValidationError,
)
from recordings_client.following import Callbacks
from recordings_client.options import ClientSettings
from recordings_client.reading import ProgressFileWrapper
from recordings_client.recording_manager import RecordingManager
from recordings_client.upload_client import RecordingUploadClient
from recordings_client.upload_manager import UploadManager

__all__ = [
    "ApiError",
    "ApiIntegrationManager",
    "AuthenticationError",
    "Callbacks",
    "ClientSettings",
    "NetworkError",
    "ProgressFileWrapper",
    "RecordingManager",
    "RecordingUploadClient",
    "ServerError",
    "UploadError",
    "UploadManager",
    "ValidationError",
    "download",
]
