"""The climb: from cheap algorithms to dear ones, the time to those whose error falls, an ensemble at the end.

    split     which rows are sealed, which are learned from, which judge
    ladder    which candidate to try next, and which has earned more folds (pure decisions, no process, no clock)
    climb     carries out the ladder's steps in worker processes until the time is up
    ensemble  the weighted mean of candidates that errs least, and how sure it may be

It is handed algorithms, a task, a plan and places of blocks of numbers. It knows nothing of files or of what rows mean.
"""
