"""Archives that recordings come from, a file for each.

A new one is a class in a file of its own and a line in the registry; see ``docs/archives.md``.
"""
