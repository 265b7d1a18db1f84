"""Other people's recordings into our shards.

:mod:`conversion` is what every format shares; :mod:`table` reads a folder of anybody's own
recordings, :mod:`psm.published` the formats of the published data sets.
"""
