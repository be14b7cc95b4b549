"""Defines which geoms can touch: three contact bits, so that only pairs that matter are ever tested."""

TABLE_BIT = 1
"""Set in `contype` of the table, and in `conaffinity` of whatever the table carries or stops."""
PROP_BIT = 2
"""Set in `contype` of props, and in `conaffinity` of hand, fingers and props."""
