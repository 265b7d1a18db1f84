"""Untrusted media files: checks before they are decoded, and limits on the process that does it.

The server decodes what people send it, a build what archives hand over; both start here.
"""
