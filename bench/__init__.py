"""How fast the product is, and what the hardware would allow."""
