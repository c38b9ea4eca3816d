"""Fitting a model's judge to a site from its benign scans."""
