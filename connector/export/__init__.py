"""Captured data of a fixed set of annotations as one file: json, csv, xml or xlsx, none missing and none twice."""
