"""The small library behind the notebooks: stateful LLM chat with LangGraph, built up in the open.

Importing this package is cheap on purpose: LangGraph and LangChain are imported by the
packages that use them (`course_lib.namu`, `course_lib.chat`, ...), and only when you use them.
"""

__version__ = "0.1.0"

import sys as _sys

if "ipykernel" in _sys.modules:  # a notebook: errors show the reader's lines, plots the theme
    from course_lib.display.plot_theme import follow_theme_here
    from course_lib.display.short_errors import shorten_errors_here

    shorten_errors_here()
    follow_theme_here()
