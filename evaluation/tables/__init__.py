"""The clinical tables of a result as sheets of words: for the page, a spreadsheet, a manuscript."""
