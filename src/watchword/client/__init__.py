"""The management API's client: what `watchword login`, `servers`, `plan` and `apply` are made of.

It works from any machine, without the settings and the database of an installation.

Invariants:

- A credential goes only to the portal for which it was stored, over verified TLS or to this machine. No redirect is
  followed with it. It is in no error, log line or argument.
- A file is read strictly: what two YAML readers could understand in different ways is refused, with its line.
- A plan is a pure function of a file and the present state. Applying it again has nothing to do.
"""
