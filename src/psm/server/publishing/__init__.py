"""The page and its stores as plain files, which any static host shows without a server of ours."""
