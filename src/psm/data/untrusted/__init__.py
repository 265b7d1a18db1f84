"""Recordings from strangers: what is looked at and locked up before and while they are decoded.

The server decodes what people send it, a build what archives hand over; both start here.
"""
