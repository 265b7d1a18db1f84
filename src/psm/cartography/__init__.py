"""How any map is drawn: projections, coasts, graticules, colours, layouts; nothing of sounds."""
