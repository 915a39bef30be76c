"""The quote board: lines that members propose and staff apply, and the search that finds them."""
