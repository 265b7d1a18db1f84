"""How any map is drawn: projections, coasts, graticules, colours, layouts. Knows nothing of sounds."""
