from django.urls import path

from importexport.graphql.views import GraphQLView

urlpatterns = [
    path("graphql", GraphQLView.as_view()),
]
