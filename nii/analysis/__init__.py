"""One scan analysed: regions, names, load, declaration, and the record of all that."""
