"""Runs elsewhere: one task at a time, in an empty folder, with a remote store as the only way in and out.

A run is a *plan*, made by ``octavo submit`` or ``octavo export``, and what became of its tasks. All of it is at the
remote, beside the results of the cache there, in folders of their own::

    blobs/ab/<digest>              code, plans, products, logs: whatever has a digest
    runs/<run>.json                the plan of a run, who submitted it, where to
    tasks/<run>/<task>.json        what became of a task: running, done, restored, failed; its products, its log
    cancelled/<run>.json           nothing of this run is to start any more, and what runs is to end

Whoever runs a task trusts nothing but digests. A task's file is written after all that it names, so a reader finds it
whole; it is written again by whoever runs the task again, and what is recorded as done is not run a second time.
"""
