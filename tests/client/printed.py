"""The examples that the contract prints, letter by letter."""

BASIC = """
{
  "api": {
    "enabled": true,
    "base_url": "https://storage.company.com/api",
    "api_token": "your_secure_token",
    "auto_upload": true,
    "max_concurrent_uploads": 2,
    "delete_after_upload": false
  }
}
"""
ENTERPRISE = """
{
  "api": {
    "enabled": true,
    "base_url": "https://enterprise-storage.company.com/api",
    "api_token": "enterprise_token",
    "auto_upload": true,
    "upload_timeout": 120,
    "max_retries": 5,
    "max_concurrent_uploads": 4,
    "delete_after_upload": true,
    "max_file_age_days": 90
  }
}
"""
WHOLE = r"""
{
  "database": {
    "type": "sqlserver",
    "server": "192.168.1.100",
    "database": "WATS_DB",
    "username": "wats_user",
    "password": "senha_segura",
    "port": "1433"
  },
  "recording": {
    "enabled": true,
    "auto_start": true,
    "mode": "rdp_window",
    "output_dir": "D:\\WATS_Recordings",
    "fps": 15,
    "quality": 23,
    "resolution_scale": 1.0,
    "max_file_size_mb": 200,
    "max_duration_minutes": 60
  },
  "api": {
    "enabled": true,
    "base_url": "https://storage.company.com/api",
    "api_token": "your_secure_api_token_here",
    "auto_upload": true,
    "upload_timeout": 60,
    "max_retries": 3,
    "max_concurrent_uploads": 2,
    "delete_after_upload": false,
    "upload_older_recordings": true,
    "max_file_age_days": 30
  }
}
"""
BACKUP = """
{
  "api": {
    "enabled": true,
    "base_url": "https://backup.empresa.com/api",
    "auto_upload": true,
    "delete_after_upload": true,
    "max_concurrent_uploads": 3
  }
}
"""
COMPLIANCE = """
{
  "api": {
    "enabled": true,
    "base_url": "https://compliance-storage.empresa.com/api",
    "auto_upload": true,
    "delete_after_upload": false,
    "upload_older_recordings": true,
    "max_file_age_days": 365
  }
}
"""
DEVELOPMENT = """
{
  "api": {
    "enabled": true,
    "base_url": "https://dev-storage.empresa.com/api",
    "auto_upload": false,
    "delete_after_upload": false,
    "upload_timeout": 30,
    "max_retries": 1
  }
}
"""
CONFIGURATIONS = {
    "basic": BASIC,
    "enterprise": ENTERPRISE,
    "whole": WHOLE,
    "backup": BACKUP,
    "compliance": COMPLIANCE,
    "development": DEVELOPMENT,
}
"""The last three hold no token: it comes from the environment."""

INITIALIZING = """
from wats_app.api import ApiIntegrationManager

# Inicializar com settings do WATS
api_manager = ApiIntegrationManager(settings)

# Verificar se inicializou corretamente
if api_manager.is_initialized:
    print("✅ API upload system ready")
else:
    print("❌ API upload system failed to initialize")
"""
UPLOADING = """
from pathlib import Path

video_file = Path("session_123_ServerName_20241026_150000.mp4")
metadata_file = Path("session_123_metadata.json")

# Queue upload
task_id = api_manager.upload_recording(video_file, metadata_file)

if task_id:
    print(f"Upload queued: {task_id}")

    # Monitor status
    status = api_manager.get_upload_status(task_id)
    print(f"Status: {status['status']} - Progress: {status['progress']}%")
"""
OLDER = """
from pathlib import Path

recordings_dir = Path("C:/WATS_Recordings")

# Upload recordings up to 30 days old
task_ids = api_manager.upload_older_recordings(recordings_dir, max_age_days=30)

print(f"Queued {len(task_ids)} older recordings for upload")
"""
MONITORING = """
# Get overall queue status
queue_status = api_manager.get_queue_status()

print(f"Queue size: {queue_status['queue_size']}")
print(f"Active uploads: {queue_status['active_uploads']}")
print(f"Completed: {queue_status['completed_uploads']}")
print(f"Failed: {queue_status['failed_uploads']}")
"""
CALLBACKS = """
def on_upload_started(task_id: str, filename: str):
    print(f"🚀 Upload started: {filename} ({task_id})")

def on_upload_progress(task_id: str, progress: int):
    print(f"📊 Upload progress: {task_id} - {progress}%")

def on_upload_completed(task_id: str, server_file_id: str):
    print(f"✅ Upload completed: {task_id} -> {server_file_id}")

def on_upload_failed(task_id: str, error: str):
    print(f"❌ Upload failed: {task_id} - {error}")

# Set callbacks
api_manager.on_upload_started = on_upload_started
api_manager.on_upload_progress = on_upload_progress
api_manager.on_upload_completed = on_upload_completed
api_manager.on_upload_failed = on_upload_failed
"""
HANDLING = """
try:
    task_id = api_manager.upload_recording(video_file, metadata_file)
except ApiError as e:
    if isinstance(e, AuthenticationError):
        print("❌ Authentication failed - check API token")
    elif isinstance(e, NetworkError):
        print("🌐 Network error - will retry automatically")
    else:
        print(f"💥 Upload error: {e.message}")
"""
DEBUGGING = """
# Habilitar logs detalhados
import logging
logging.getLogger('wats_app.api').setLevel(logging.DEBUG)

# Testar conexão
if api_manager.upload_client:
    connection_ok = api_manager.upload_client.test_connection()
    print(f"API connection: {'✅ OK' if connection_ok else '❌ FAILED'}")
"""
RECORDING_MANAGER = """
class Recorder(RecordingManager):
    def stop(self, session_id):
        # Auto-upload after recording completion
        if self.api_manager and self.settings.API_AUTO_UPLOAD:
            self._queue_recording_upload(session_id)
"""
MANUAL = """
# Manual upload capability
task_id = recording_manager.manual_upload_recording(session_id)

# Status monitoring
status = recording_manager.get_upload_status(task_id)
"""
