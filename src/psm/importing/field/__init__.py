"""Recordings as field recorders leave them: deployments say where, detections say what is heard."""
