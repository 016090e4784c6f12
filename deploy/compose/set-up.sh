#!/bin/sh
# Migrates the database, and gives each verifier its credential the first time.
set -eu
watchword migrate
for name in verifier-1 verifier-2; do
    [ -s "/credentials/$name" ] || watchword verifier create "$name" --credential-file "/credentials/$name"
done
