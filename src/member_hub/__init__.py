"""Member Hub: three channel accounts, one member, served through GraphQL under PIPL."""
