"""Cars, vans and pickups with what is carried and concealed in them."""
