"""From a folder of DICOM files to one axial T2 volume with its place in the patient.

    tree      every file below a folder, headers only
    series    frames into stacks: a series may hold several
    choice    which stack is the axial high-resolution T2 one, and why no other is
    checks    what may be wrong with a stack, a code each
    stack     frames in order along their normal, and the grid they make
    volume    all of it: `read_t2_volume`

Only `headers` and `pixels` import pydicom. No message, log line or warning carries a value
that may tell who the patient is: files are named below the folder, series by their UID, free text
by the words of it that a rule knows (`words`).
"""
