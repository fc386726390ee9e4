"""Code of the course: everything that the lessons in `notebooks/` and their teachers use.

It contains the checks of the exercises (one module per lesson), the lessons' pictures, slides and JupyterLab for a
class, and the check of a computer's set-up.

>>> from notebooks.course import lesson_1
>>> lesson_1.check_1(...)
Exercise 1.1, not yet: `rate` is still `...`: put your answer there. The answer is a false alarm rate between 0 and 1.
"""
