"""OwnerCare: the REST backend of a property developer's customer-service department."""
