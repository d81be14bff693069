"""Site surveys, class A/B work orders, dispatch, extension, completion, callback."""
