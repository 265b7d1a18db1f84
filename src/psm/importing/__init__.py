"""Other people's recordings into our shards.

:mod:`conversion` is what every format shares, :mod:`formats` tells them apart; :mod:`table` reads a
folder of anybody's own recordings, :mod:`psm.importing.published` the published data sets.
"""
