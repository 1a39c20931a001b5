from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("importexport.exports.urls")),
    path("", include("importexport.imports.urls")),
    path("", include("importexport.graphql.urls")),
]
