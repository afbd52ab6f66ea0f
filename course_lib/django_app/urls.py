"""The addresses of the site: the chat, signing in and out, and the language."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from .chat.sign_in import SignInForm


class SignIn(LoginView):
    """The sign-in page. Who is signed in already goes on to `next`, or to the conversations."""

    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_redirect_url(self) -> str:
        """Ignore a `next` that leads back here: Django answers it with an error 500."""
        wanted = super().get_redirect_url()
        return "" if wanted == self.request.path else wanted


urlpatterns = [
    path("", include(f"{__package__}.chat.urls")),
    path("login/", SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("language/", include("django.conf.urls.i18n")),
]
