"""Code of the course: everything that the lessons in `notebooks/` and their teachers use.

It contains the checks of the exercises (one module per lesson), the lessons' pictures, slides and JupyterLab for a
class, and the check of a computer's set-up.

>>> from notebooks.course import lesson_1
>>> lesson_1.check_1(...)  # doctest: +NORMALIZE_WHITESPACE
Exercise 1.1 is not solved yet: `error` is still `...`.
Replace each `...` with your answer: a function of two arrays that returns one number.
"""
