"""A form as Django protects it: Host must be allowed, Origin must name it, and the token must be the cookie's."""

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["localhost"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="guards a test's form",
)


def form(request):
    if request.method == "POST":
        return redirect(request.build_absolute_uri(f"/saved/?name={request.POST['name']}"))
    return HttpResponse(f'<form method="post"><input name="csrfmiddlewaretoken" value="{get_token(request)}"></form>')


def saved(request):
    return HttpResponse(f"Saved {request.GET['name']}")


urlpatterns = [path("form/", form), path("saved/", saved)]
execute_from_command_line()
