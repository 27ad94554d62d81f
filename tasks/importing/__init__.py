"""From studies, masks and a spreadsheet to a cohort folder, by a mapping that somebody decided.

    mapping      import.toml, and what it may not leave open
    studies      a DICOM tree as studies, each with its key
    naming       case ids, and the key file that stays outside of the cohort
    spreadsheet  CSV or XLSX as a table of text
    cells        one cell as a value of the kit; `rows` for all of one case
    mask_files   NIfTI, NRRD, MHA and DICOM SEG as labels on a grid
    placement    a mask's grid turned onto the image's, where nothing has to be interpolated
    masks        labels of files into the two masks of the kit
    plan         which files and which line belong to which study
    case         one study: choose, convert, write, remember
    run          all of them, resumable; then tables and manifest
    report       what was imported, what was left out and why
    proposal     a first mapping, from what is seen in the folders

A study is imported when everything about it is sound. Otherwise it is left out and every reason is
listed. Nothing is guessed here: only `proposal` guesses, in a file that a person reads.
"""
