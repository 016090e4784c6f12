# CLIENT_ID and CLIENT_SECRET come from the environment; no argument of a command holds a secret.
API_URL=https://acme.api.example
TOKEN_ENDPOINT=https://login.example/oauth2/token

answer=$(
    # curl reads \" and \\ in the quotes of its configuration as these characters themselves.
    printf '%s\n' "$CLIENT_ID:$CLIENT_SECRET" | sed 's/[\\"]/\\&/g; s/.*/user = "&"/' |
        curl --silent --show-error --fail-with-body --config - "$TOKEN_ENDPOINT" \
            --data grant_type=client_credentials \
            --data-urlencode scope=orders:read \
            --data-urlencode resource=https://api.example/orders
) || {
    printf '%s\n' "$answer" >&2
    exit 1
}
token=$(printf '%s\n' "$answer" | sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p')
[ -n "$token" ] || {
    echo "The response of the token endpoint has no access_token." >&2
    exit 1
}

# A refusal is shown with its reason.
printf 'Authorization: Bearer %s\n' "$token" |
    curl --silent --show-error --fail-with-body --header @- "$API_URL/orders"
