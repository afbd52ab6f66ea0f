"""A chat page with Django, for a graph on a LangGraph server: owners, streaming, approval, edits.

A Django project (`settings`, `urls`, `asgi`) with one app, `chat`. The folder can be copied under
any name: its modules import each other by relative names, and of `course_lib` only `graphs.py` uses
anything, which is the one file to replace by a graph of your own.

    python -m course_lib.django_app migrate
    python -m course_lib.django_app add_person ann
    uvicorn course_lib.django_app.asgi:application
"""
