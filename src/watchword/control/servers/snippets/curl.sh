# 200 and the X-Auth-* headers if the token is good, else the status and the reason.
curl -i http://127.0.0.1:8081/verify/plain/{{organization}} \
     -H "Authorization: Bearer $ACCESS_TOKEN"
