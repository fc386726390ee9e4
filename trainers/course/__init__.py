"""What the lessons in `notebooks/` lean on: checks of their exercises, one file a lesson.

>>> from trainers.course import lesson_1
>>> lesson_1.check_1(...)
Exercise 1.1, not yet: `rate` is still `...`: put your answer there. The answer is a false alarm rate between 0 and 1.
"""
