"""Push a block onto a mat: a task of one's own, in a package of one's own."""
