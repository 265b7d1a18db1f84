"""Parts for PSM, as another package brings them."""
