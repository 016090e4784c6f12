-- HAProxy itself listens here and forwards requests to one of the verifiers.
local VERIFIERS = "http://127.0.0.1:8089"
local BY_TOKEN = os.getenv("WATCHWORD_ROUTING") == "token"
local SECRET = os.getenv("WATCHWORD_SECRET") or ""
local IDENTITY = { "organization", "server", "issuer", "subject", "client-id", "scope", "expires", "role" }
local DENIALS = { [400] = true, [401] = true, [403] = true, [503] = true }
local PASSED_ON = {
  "content-type", "cache-control", "www-authenticate", "retry-after",
  "access-control-allow-origin", "access-control-expose-headers",
}
local MILLISECONDS = 2000

-- HAProxy counts the values of a header from 0.
local function values(headers, name)
  local all = {}
  for index, value in pairs(headers[name] or {}) do all[index + 1] = value end
  return all
end

core.register_action("watchword", { "http-req" }, function(txn)
  local organization = txn:get_var("txn.organization")
  local answer = core.httpclient():get({
    url = VERIFIERS .. (BY_TOKEN and "/verify-by-token/haproxy" or "/verify/haproxy/" .. organization),
    headers = {
      authorization = values(txn.http:req_get_headers(), "authorization"),
      ["x-watchword-secret"] = { SECRET },
    },
    timeout = MILLISECONDS,
  })
  local headers = answer.headers or {}
  local decided = values(headers, "x-auth-organization")[1]
  if answer.status == 200 and decided and (BY_TOKEN or decided == organization) then
    for _, name in ipairs(IDENTITY) do
      local value = values(headers, "x-auth-" .. name)[1] or ""
      if value ~= "" then txn.http:req_set_header("x-auth-" .. name, value) end
    end
    txn:set_var("txn.watchword", "allow")
  elseif DENIALS[answer.status] and values(headers, "content-type")[1] == "application/problem+json" then
    local reply = txn:reply({ status = answer.status })
    for _, name in ipairs(PASSED_ON) do
      for _, value in ipairs(values(headers, name)) do reply:add_header(name, value) end
    end
    reply:set_body(answer.body or "")
    txn:done(reply)
  end
end, 0)
