"""Forms in which days, times and intervals are written; :mod:`psm.data.dates` reads them."""
