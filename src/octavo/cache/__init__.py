"""The cache of results: an action (what is known before a run) leads to entries, an entry to blobs.

What a task depends on is only partly known before it runs. Its source, parameters, kernel and the digests of what its
upstream made are: these, with its name and the paths of its products, are the *action*. The modules and files that
only a run discovers stand in the *entries* below it, each with the digests that the run saw. An entry is a hit when
all of these are the same now. Products are *blobs*, files named by the digest of their bytes::

    actions/ab/<action>/<entry>.json
    blobs/ab/<digest>

Blobs are written before the entry that names them, each beside its place and renamed, and nothing is ever written
twice; so readers and writers, here and at a remote, need no locks, and one that is killed leaves nothing wrong.
"""
