"""Characters, their instances, and what instances remember; stands on accounts and knows nothing of chat."""
