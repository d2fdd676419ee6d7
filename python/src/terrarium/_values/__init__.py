"""Values on the wire, both ways. ``docs/values.md`` has the whole table.

``_wire`` has the form of the extensions, ``_encode`` and ``_decode`` write and read values, ``_arrays`` arrays of one
type of elements, ``_foreign`` knows the types of other packages without importing them, ``_registry`` has the types
that users register, and ``_hints`` converts by type hints.
"""
