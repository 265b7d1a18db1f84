"""What an archive says of a recording, believed as far as it can be."""
