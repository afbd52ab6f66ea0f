"""The exercises of the course: `from course_lib.exercises import ch02`, then `ch02.e1.check(x)`."""
