"""A model gateway: the offline model behind OpenAI's protocol, with a speed and faults to set.

    python -m course_lib gateway --size small --tokens-per-second 40

`course_lib.serving.model_gateway` starts it as a child process.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "app": ["GatewaySettings", "make_app"],
        "faults": ["Faults"],
        "sizes": ["SIZES", "ModelSize", "served_models"],
    },
)
