"""The values of arguments and results, and their form on the wire. ``docs/values.md`` has the whole table.

``_wire`` has the codes of the extension types, ``_encode`` and ``_decode`` write and read values, ``_arrays`` writes
and reads arrays, and ``_apart`` has the segments of long bytes and arrays. ``_packing`` is msgpack: the package, or
``_msgpack`` without it. ``_foreign`` knows the types of other packages without importing them, ``_registry`` has the
types that users register, and ``_hints`` converts values by type hints. ``_refusal`` has the errors of values that
cannot be sent, ``_advice`` the hints of these errors, and ``_surrogates`` finds text that is none.
"""
