"""Encoders: any module with ``forward(...) -> (batch, features)``; heads and fusion do the rest."""
