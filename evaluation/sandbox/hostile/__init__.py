"""The submission that `lln doctor` runs against the sandbox. Standard library only.

It is copied into an image and run there; the doctor imports the names and the bounds alone. Every
attack is bounded by `bounds`, so that nothing is harmed where a defence is missing.
"""
