# CLIENT_ID and CLIENT_SECRET come from the environment; no argument of a command holds a secret.
API_URL=https://acme.api.example
TOKEN_ENDPOINT=https://login.example/oauth2/token

token=$(
    printf 'user = "%s:%s"\n' "$CLIENT_ID" "$CLIENT_SECRET" |
        curl --silent --show-error --fail-with-body --config - "$TOKEN_ENDPOINT" \
            --data grant_type=client_credentials \
            --data-urlencode scope=orders:read \
            --data-urlencode resource=https://api.example/orders |
        sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p'
)

# A refusal is shown with its reason.
printf 'Authorization: Bearer %s\n' "$token" |
    curl --silent --show-error --fail-with-body --header @- "$API_URL/orders"
