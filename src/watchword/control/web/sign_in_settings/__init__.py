"""How the people of an organization sign in: second factor and single sign-on."""
