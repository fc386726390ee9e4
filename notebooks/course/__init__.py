"""What the lessons in `notebooks/` and whoever teaches them lean on.

Checks of the exercises, one file a lesson; the lessons' own pictures; slides and JupyterLab for a class; the check of a
computer's set-up.

>>> from notebooks.course import lesson_1
>>> lesson_1.check_1(...)
Exercise 1.1, not yet: `rate` is still `...`: put your answer there. The answer is a false alarm rate between 0 and 1.
"""
