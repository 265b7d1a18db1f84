"""How every command runs: what it reads, what it looks at before the work, how it ends."""
