"""A chat service around a graph, with FastAPI: owners, streaming, approval, history, forks.

`create_app(build_graph, settings)` returns the application. The folder can be copied under any
name: its modules import each other by relative names. Of `course_lib` they use only
`course_lib.persistence` (who owns which thread, and the tables), so the course stays installed
beside the copy. `namu_app.py` is the one file to replace by a graph of your own.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "app": ["create_app"],
        "auth": ["Person", "make_token"],
        "hooks": ["ServiceHooks"],
        "service_settings": ["ServiceSettings", "read_service_settings"],
    },
)
