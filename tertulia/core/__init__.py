"""What every layer may use; no tables here."""
