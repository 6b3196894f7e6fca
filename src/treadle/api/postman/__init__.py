"""The Postman collection: made of the OpenAPI document, and of a script that gives the order."""
