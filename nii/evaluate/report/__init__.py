"""The pages and tables of an evaluation."""
