"""How archives are asked: politely, with credentials that nobody else sees, whatever breaks."""
