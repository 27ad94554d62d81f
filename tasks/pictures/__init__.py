"""Pictures of a case: image, outlines of labels in the task files' colours, measured short axes.

Pure: arrays in, scenes, RGB arrays and SVG text out. A scene (`tasks.pictures.scene`) says what is
to be seen on one slice, in patient millimetres; `raster` draws it in pixels, `vector` as SVG.
"""
